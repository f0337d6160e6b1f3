"""Compute to a threshold against the complexity of a task, in one or several columns.

C = c ∏ᵢ xᵢ^kᵢ, and with interaction also ∏ᵢ﹤ⱼ exp(kᵢⱼ ln xᵢ ln xⱼ): the exponent of
each kind of complexity, and whether it changes with another. Which columns stand for
complexity is the study's choice: states, games, actions, players. Several may be put
into one through the number of policies |A|^(|S| |G|), whose double logarithm is that
of x = |S| |G| ln |A| but for a constant: give this x as a column.

With interaction kᵢ is the exponent where every other x is 1, and the exponent of xᵢ
elsewhere is kᵢ + Σⱼ kᵢⱼ ln xⱼ: nothing is centred.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Parameter, Quantity, Values
from allometry.refusal import Refusal


def complexity(
    columns: Sequence[str] = ("complexity",), interaction: bool = False
) -> Form:
    """Make the form for complexity columns, each above 0; with pairs if `interaction`.

    Raises `Refusal` for no column, one given twice, or pairs of a single column.
    """
    if not columns or len(set(columns)) < len(columns):
        raise Refusal(
            f"The complexity law needs columns, each once; given: "
            f"{', '.join(columns) or 'none'}. Name them: complexity=states,actions."
        )
    if interaction and len(columns) < 2:
        raise Refusal("An interaction needs two columns of complexity or more.")
    pairs = list(itertools.combinations(columns, 2)) if interaction else []

    def exponents(inputs: Values) -> dict[str, Array]:
        """Give what multiplies each exponent in ln C."""
        logs = {name: np.log(inputs[name]) for name in columns}
        single = {f"k_{name}": logs[name] for name in columns}
        return single | {f"k_{a}_{b}": logs[a] * logs[b] for a, b in pairs}

    def compute(inputs: Values, p: Values) -> Array:
        total = np.log(p["c"])
        for name, values in exponents(inputs).items():
            total = total + p[name] * values
        return np.asarray(np.exp(total))

    def gradient(inputs: Values, p: Values) -> dict[str, Array]:
        response = compute(inputs, p)
        slopes = {name: response * x for name, x in exponents(inputs).items()}
        return {"c": response / p["c"], **slopes}

    single = [
        Parameter(
            f"k_{name}",
            f"exponent of {name}" + (" where the others are 1" if pairs else ""),
            bounds=(-20.0, 20.0),
            starts=(0.5,),
            positive=False,
            remote=bool(pairs),
        )
        for name in columns
    ]
    double = [
        Parameter(
            f"k_{a}_{b}",
            f"change of one exponent per e-fold of the other: {a}, {b}",
            bounds=(-20.0, 20.0),
            starts=(0.0,),
            positive=False,
        )
        for a, b in pairs
    ]
    return Form(
        name="complexity-interaction" if interaction else "complexity",
        formula="C = c ∏ᵢ xᵢ^kᵢ" + (" ∏ᵢ﹤ⱼ exp(kᵢⱼ ln xᵢ ln xⱼ)" if pairs else ""),
        source="a log-linear model, linear least squares on the logarithms",
        inputs=tuple(
            Quantity(name, meaning="a kind of complexity", fixed=True)
            for name in columns
        ),
        response=Quantity("compute", "FLOPs", "C, compute to the threshold"),
        parameters=(
            Parameter(
                "c", "C where every complexity is 1", "FLOPs", linear=True, remote=True
            ),
            *single,
            *double,
        ),
        predict=compute,
        gradient=gradient,
        identifies="every kind of complexity varied over a decade or more, alone and "
        "together",
    )
