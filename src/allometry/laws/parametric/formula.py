"""Formula: what the author of a form wrote, called so that its errors are sentences.

The formula, its gradient, its `initial` and what is derived are code of the user's. An
error in it is the user's to mend, and says so in the form's name.
"""

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from allometry.laws.arrays import Array
from allometry.laws.form.form import Form, Values
from allometry.refusal import Refusal

#: What a formula is called with.
_BOTH = ("inputs", "parameters")
_WHOLE_ARRAYS = (
    "Write it with NumPy's functions, which take whole arrays: np.exp rather than "
    "math.exp, np.where rather than if."
)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let trial points lie anywhere: overflow there means nothing."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def spoken(
    form: Form, what: str, given: Sequence[str] = _BOTH, advice: str = _WHOLE_ARRAYS
) -> Iterator[None]:
    """Turn whatever fails within into a `Refusal` that names the form and `what`.

    `given` is what it is called with, and `advice` what helps where it takes that, or
    gives what it should, in the wrong shape or type.
    """
    its = f"The form {form.name!r}: its {what}"
    try:
        with quiet():
            yield
    except Refusal:
        raise
    except KeyError as error:
        raise Refusal(
            f"{its} asks for {', '.join(map(repr, error.args)) or 'a key'}, which is "
            f"not where it looks. {_called(form, given)}"
        ) from error
    except Exception as error:
        raise Refusal(
            f"{its} fails with {type(error).__name__}: {str(error).rstrip('.')}."
            + _remedy(error, _called(form, given), advice)
        ) from error


def response(form: Form, inputs: Values, values: Values) -> Array:
    """Give the form's response at parameters `[B, 1]`, `[B, n]`.

    Raises `Refusal` where the formula fails, changes what it is given, or gives
    anything else than real numbers `[B, n]`; `[B, 1]` is a response that no input
    changes. B should differ from n.
    """
    rows, columns = shape = _shape(inputs, values)
    with spoken(form, "formula"):
        found = _numbers(
            form, "formula", form.predict(_locked(inputs), _locked(values))
        )
    if found.shape not in (shape, (rows, 1)):
        raise Refusal(
            f"The form {form.name!r}: its formula gives {_described(found)} where it "
            f"should give an array of shape [{rows}, {columns}], a row for each of "
            f"{rows} choices of the parameters, which have shape [{rows}, 1], and a "
            f"column for each of {columns} observations, as the inputs have."
        )
    return np.array(np.broadcast_to(found, shape), dtype=np.float64)


def gradient(form: Form, inputs: Values, values: Values) -> dict[str, Array]:
    """Give a form's own derivatives, `[B, n]` by parameter.

    Raises `Refusal` where its gradient fails, lacks a parameter, or does not fit.
    """
    assert form.gradient is not None
    shape = _shape(inputs, values)
    with spoken(form, "gradient"):
        slopes = form.gradient(_locked(inputs), _locked(values))
    if not isinstance(slopes, Mapping):
        raise Refusal(
            f"The form {form.name!r}: its gradient gives {type(slopes).__name__} where "
            f"it should give a dict of derivatives by name: {', '.join(form.names)}."
        )
    found = {}
    for name in form.names:
        if name not in slopes:
            raise Refusal(
                f"The form {form.name!r}: its gradient has no derivative by {name!r}; "
                f"it has: {', '.join(map(str, slopes)) or 'none'}."
            )
        what = f"gradient by {name!r}"
        with spoken(form, what):
            slope = _numbers(form, what, slopes[name])
        try:
            found[name] = np.broadcast_to(slope, shape).astype(np.float64)
        except ValueError as error:
            raise Refusal(
                f"The form {form.name!r}: its {what} is {_described(slope)}, which "
                f"does not fit the response's shape, {list(shape)}."
            ) from error
    return found


def derived(form: Form, values: Values) -> None:
    """Raise `Refusal` where what is derived fails, or is not one number a law."""
    flat = _locked({name: value[:, 0] for name, value in values.items()})
    rows = len(next(iter(flat.values())))
    for name, item in form.derived.items():
        what = f"derived {name!r}"
        with spoken(form, what, ("parameters",)):
            found = _numbers(form, what, item.of(flat))
        if found.shape != (rows,):
            raise Refusal(
                f"The form {form.name!r}: its {what} is {_described(found)} for "
                f"parameters of shape [{rows}]: it should have their shape."
            )


def _called(form: Form, given: Sequence[str]) -> str:
    """Say what a part of the form is called with."""
    names = {
        "inputs": [item.name for item in form.inputs],
        "parameters": form.names,
        "response": [form.response.name],
    }
    parts = [f"the {what} ({', '.join(names[what])})" for what in given]
    order = ", in this order" if len(parts) > 1 else ""
    return f"It is called with {' and '.join(parts)}{order}."


def _remedy(error: Exception, called: str, advice: str) -> str:
    if "positional argument" in str(error):
        return f" {called}"
    if "read-only" in str(error):
        return " It may not change the arrays that it is given: let it make new ones."
    return f" {advice}" if isinstance(error, TypeError | ValueError) else ""


def _numbers(form: Form, what: str, given: Any) -> np.ndarray:
    """Give an array of real numbers of double precision."""
    if given is None:
        raise Refusal(f"The form {form.name!r}: its {what} gives None: let it return.")
    found = np.asarray(given)
    if found.dtype.kind not in "fiub":
        raise Refusal(
            f"The form {form.name!r}: its {what} gives {found.dtype.name} where it "
            "should give real numbers."
        )
    if found.dtype.kind == "f" and found.dtype.itemsize < 8:
        raise Refusal(
            f"The form {form.name!r}: its {what} gives {found.dtype.name}, which has "
            "too few digits for a fit: compute in NumPy's float64 (jax.numpy does so "
            'after jax.config.update("jax_enable_x64", True)).'
        )
    return found


def _locked(arrays: Values) -> dict[str, Array]:
    """Give the arrays so that changing them in place is an error."""
    found = {name: values.view() for name, values in arrays.items()}
    for values in found.values():
        values.flags.writeable = False
    return found


def _shape(inputs: Values, values: Values) -> tuple[int, int]:
    return len(next(iter(values.values()))), len(next(iter(inputs.values())))


def _described(found: np.ndarray) -> str:
    """Say what an array is."""
    return "a single number" if found.ndim == 0 else f"shape {list(found.shape)}"
