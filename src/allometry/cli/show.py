"""`allometry show`: pictures and films of an environment's tasks."""

import contextlib
import json as jsonlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from allometry.cli.dials import EXAMPLE, dials
from allometry.cli.options import checked_seed
from allometry.cli.presets import list_presets
from allometry.refusal import Refusal

if TYPE_CHECKING:
    from allometry.environments.xland.complexity import Complexity
    from allometry.environments.xland.pictures.card import Scene
    from allometry.environments.xland.pictures.episode import Episode
    from allometry.environments.xland.pictures.exhibit import Numbers
    from allometry.environments.xland.probes.probe import Probe
    from allometry.environments.xland.tasks.novelty import Novelty
    from allometry.environments.xland.tasks.shift import Split

DEFAULT = "default"
#: Environments that can be drawn.
PICTURED = ("xland",)
POLICIES = ("scripted", "random")
PICTURES = (".png", ".jpg", ".webp")
MAKING = "Compiling, and making tasks"
#: Agent steps of an episode that a film may show.
LONGEST = 3_000


class Shown(NamedTuple):
    """What is to be shown: scenes of tasks as they begin, and what they are."""

    scenes: "tuple[Scene, ...]"
    numbers: "tuple[Numbers, ...]" = ()
    probes: "tuple[Probe, ...]" = ()


def show(
    environment: Annotated[
        str, typer.Argument(help=f"Its name; with pictures: {', '.join(PICTURED)}.")
    ],
    preset: Annotated[
        str | None,
        typer.Option(help="Preset of dials; default if not given. See --presets."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="DIAL=VALUE",
            help=f"Turn dials of the preset, such as {EXAMPLE} or "
            "predicates=hold,see. May be given more than once.",
        ),
    ] = None,
    tasks: Annotated[
        int, typer.Option(min=1, max=120, help="How many tasks to draw.")
    ] = 12,
    seed: Annotated[int, typer.Option(help="Chooses the tasks.")] = 0,
    held_out: Annotated[
        bool,
        typer.Option("--held-out", help="Tasks that are never met in training."),
    ] = False,
    split: Annotated[
        str | None,
        typer.Option(
            help="Held-out tasks outside of what training draws from: "
            "unseen_colour, unseen_shape, unseen_predicate, larger_arena, "
            "more_objects, more_rules."
        ),
    ] = None,
    world: Annotated[
        int | None, typer.Option(help="Number of the world of all tasks.")
    ] = None,
    game: Annotated[
        int | None, typer.Option(help="Number of the game of all tasks.")
    ] = None,
    probes: Annotated[
        list[str] | None,
        typer.Option(
            "--probe",
            metavar="NAME",
            help="A task made by hand instead, by name or .toml file. May be given "
            "more than once.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help=f"Picture to write ({', '.join(PICTURES)}); xland-PRESET.png if none "
            "is named."
        ),
    ] = None,
    film: Annotated[
        Path | None,
        typer.Option(help="Film an episode of the first task: .gif or .mp4."),
    ] = None,
    policy: Annotated[
        str,
        typer.Option(
            metavar="|".join(POLICIES),
            help="Who plays in the film: players with full knowledge (of a probe its "
            "solution), or chance.",
        ),
    ] = POLICIES[0],
    print_: Annotated[
        bool, typer.Option("--print", help="Print goals and rules as text.")
    ] = False,
    presets: Annotated[
        bool, typer.Option("--presets", help="List the presets and their sizes.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print what was made as JSON.")
    ] = False,
) -> None:
    """Show what an environment's tasks look like, their goals and rules beside them.

    Twelve tasks in one picture: allometry show xland

    Harder ones, never met in training: allometry show xland --preset large --held-out

    Turn single dials: allometry show xland --set arena=11,levels=3 --tasks 6

    One task by its numbers: allometry show xland --world 6 --game 2 --film 6-2.gif

    In words only: allometry show xland --print
    """
    _check_environment(environment)
    if presets:
        list_presets(json=json)
        return
    if out is not None:
        _check_place(out, PICTURES)
    if film is not None:
        _check_film(film)
    checked_seed(seed)
    if policy not in POLICIES:
        raise Refusal(f"--policy is {policy!r}: choose {' or '.join(POLICIES)}.")
    if probes:
        if preset or changes or held_out or split or (world, game) != (None, None):
            raise Refusal(
                "--probe is a task of its own: leave out --preset, --set, --held-out, "
                "--split, --world and --game."
            )
        found = _load(probes)
        if film is not None:
            _check_length(found[0].dials.steps)
        with _progress(MAKING, quiet=json):
            shown = _by_hand(found, seed)
    else:
        chosen, novelty = _dials(preset or DEFAULT, changes or []), None
        if split is not None:
            _, chosen, novelty = _split(split, chosen)
            held_out = True
        if film is not None:
            _check_length(chosen.steps)
            _check_policy(policy, chosen)
        numbers = _numbers(tasks, seed, held_out, world, game)
        with _progress(MAKING, quiet=json):
            shown = _sampled(numbers, chosen, seed, novelty)
    made: dict[str, str] = {}
    if out is not None or not (film or print_):
        what = Path(probes[0]).stem if probes else preset or DEFAULT
        name = f"{environment}-{what}{_suffix(split, held_out)}.png"
        made["picture"] = _draw(shown, out or Path(name), quiet=json)
    if film is not None:
        made["film"] = _film(shown, film, policy, seed, quiet=json)
    if json:
        tasks_told = [_told(shown, number) for number in range(len(shown.scenes))]
        typer.echo(jsonlib.dumps({**made, "tasks": tasks_told}, indent=1))
        return
    if print_:
        _print(shown)
    for kind, path in made.items():
        typer.echo(f"{kind.capitalize() + ':':<9}{path}")
    if film is None:
        which = _which(shown, preset, changes or [], probes or [])
        which += ["--split", split] if split else []
        command = shlex.join(["allometry", "show", environment, *which])
        typer.echo(f"Next:    {command} --film task.gif")


def _check_environment(name: str) -> None:
    if name in PICTURED:
        return
    from allometry.environments.registry import ENVIRONMENTS

    drawn = f"Those that have: {', '.join(PICTURED)}."
    if name in ENVIRONMENTS:
        raise Refusal(f'The environment "{name}" has no pictures. {drawn}')
    raise Refusal(f'There is no environment "{name}" to show. {drawn}')


def _check_place(path: Path, suffixes: Sequence[str]) -> None:
    """Refuse a file that cannot be written, before anything is compiled."""
    if path.suffix.lower() not in suffixes:
        raise Refusal(
            f"{path} does not end in {', '.join(suffixes[:-1])} or {suffixes[-1]}: "
            "name a file that does."
        )
    if not path.parent.is_dir():
        raise Refusal(f"{path} cannot be written: there is no folder {path.parent}.")


def _check_film(path: Path) -> None:
    from allometry.environments.xland.pictures import film

    _check_place(path, film.SUFFIXES)
    film.check(path)


def _check_length(steps: int) -> None:
    if steps > LONGEST:
        raise Refusal(
            f"An episode of {steps:,} agent steps is too long a film: at most "
            f"{LONGEST:,}. Shorten it, as with --set trials=1,duration=300."
        )


def _check_policy(policy: str, chosen: "Complexity") -> None:
    if policy == "scripted" and chosen.actions != "factored":
        raise Refusal(
            f"Scripted players need factored actions, and the dial actions is "
            f"{chosen.actions}: say --policy random, or --set actions=factored."
        )


@contextlib.contextmanager
def _progress(text: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show that something is being done; what is given says what it is by now."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    console = Console(stderr=True, quiet=quiet)
    hides = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hides) as bar:
        task = bar.add_task(text, total=None)
        yield lambda now: bar.update(task, description=now)


def _numbers(
    count: int, seed: int, held_out: bool, world: int | None, game: int | None
) -> "tuple[Numbers, ...]":
    from allometry.environments.xland.pictures import exhibit

    if world is not None and game is not None:
        count = 1
    return exhibit.choose(count, seed, held_out=held_out, world=world, game=game)


def _dials(preset: str, changes: Sequence[str]) -> "Complexity":
    from allometry.environments.xland import complexity

    return complexity.preset(preset, **dials(changes))


def _split(name: str, chosen: "Complexity") -> "Split":
    from allometry.environments.xland.tasks import shift

    return shift.split(name, chosen)


def _suffix(split: str | None, held_out: bool) -> str:
    if split is not None:
        return f"-{split}"
    return "-held-out" if held_out else ""


def _sampled(
    numbers: "Sequence[Numbers]",
    chosen: "Complexity",
    seed: int,
    novelty: "Novelty | None",
) -> Shown:
    from allometry.environments.xland.pictures import exhibit

    return Shown(exhibit.sampled(numbers, chosen, seed, novelty), tuple(numbers))


def _load(names: Sequence[str]) -> "tuple[Probe, ...]":
    from allometry.environments.xland.probes import probe

    return tuple(
        probe.read(Path(name)) if name.endswith(".toml") else probe.load(name)
        for name in names
    )


def _by_hand(probes: "Sequence[Probe]", seed: int) -> Shown:
    from allometry.environments.xland.pictures import exhibit

    scenes = tuple(exhibit.by_hand(each, seed) for each in probes)
    return Shown(scenes, probes=tuple(probes))


def _draw(shown: Shown, path: Path, *, quiet: bool) -> str:
    from allometry.environments.xland.pictures.draft import draft
    from allometry.environments.xland.pictures.sheet import sheet

    with _progress(f"Drawing {len(shown.scenes)} tasks", quiet=quiet):
        picture = sheet(shown.scenes)
        with draft(path) as rough:
            picture.save(rough)
    return str(path)


def _film(shown: Shown, path: Path, policy: str, seed: int, *, quiet: bool) -> str:
    from allometry.environments.xland.pictures import episode as episodes
    from allometry.environments.xland.pictures import film, frame

    scene = shown.scenes[0]
    with _progress("Compiling, and playing", quiet=quiet) as doing:
        episode = _played(shown, policy, seed)
        doing("Compiling, and looking with the players' eyes")
        views = episodes.views(episode, scene.dials)
        doing(f"Drawing {len(episode.states)} frames")
        frames = frame.Frames(episode, scene.dials, scene.title, views)
        film.write(frames, path)
    return str(path)


def _played(shown: Shown, policy: str, seed: int) -> "Episode":
    from allometry.environments.xland.pictures import episode
    from allometry.environments.xland.xland import XLand

    state, dials, _ = shown.scenes[0]
    environment = XLand(dials)
    if policy == "random":
        return episode.play(environment, state.task, episode.at_random(dials), seed)
    from allometry.environments.xland.pictures import staging

    if shown.probes:
        return staging.solved(environment, state, shown.probes[0], seed)
    return staging.directed(environment, state, seed)


def _told(shown: Shown, number: int) -> dict[str, Any]:
    """Give a task's title, its numbers, and what it says under each heading."""
    from allometry.environments.xland.pictures import caption

    state, dials, title = shown.scenes[number]
    ids = shown.numbers[number]._asdict() if shown.numbers else {}
    says = {
        passage.heading: [caption.plain(line, dials.players) for line in passage.lines]
        for passage in caption.passages(state.task.game, dials)
    }
    return {"title": title, **ids, "says": says}


def _print(shown: Shown) -> None:
    for number in range(len(shown.scenes)):
        told = _told(shown, number)
        typer.echo(told["title"])
        for heading, lines in told["says"].items():
            typer.echo("\n    ".join([f"  {heading}", *lines]))
        typer.echo()


def _which(
    shown: Shown, preset: str | None, changes: Sequence[str], probes: Sequence[str]
) -> list[str]:
    """Give the options that choose the first task."""
    if probes:
        return ["--probe", probes[0]]
    world, game = (str(number) for number in shown.numbers[0])
    words = ["--preset", preset] if preset else []
    words += [word for change in changes for word in ("--set", change)]
    return [*words, "--world", world, "--game", game]
