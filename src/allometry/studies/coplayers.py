"""Co-players of a study: who plays beside its runs in training, by `[training]`."""

from allometry.agents.coplayers import CoPlayers, check_players
from allometry.agents.scripted import POLICIES, Scripted
from allometry.agents.snapshots import Snapshots
from allometry.environments.environment import Environment
from allometry.refusal import Refusal
from allometry.studies.schema import Study

#: What is not given: the share of episodes, snapshots that are kept, and how many
#: enter the pool in a training.
SHARE, KEPT, TAKEN = 0.5, 4, 20


def coplayers(study: Study, environment: Environment) -> CoPlayers | None:
    """Give the co-players that a study asks for, if any.

    Raises `Refusal` for an environment with one player.
    """
    asked = study.training
    if asked.coplayers == "none":
        return None
    try:
        check_players(environment.spec)
    except Refusal as error:
        raise Refusal(f'training.coplayers is "{asked.coplayers}". {error}') from None
    share = asked.coplayers_share or SHARE
    if asked.coplayers != "snapshots":
        return Scripted(POLICIES[asked.coplayers], share)
    batch = study.schedule.interactions(environment)
    iterations = -(-asked.interactions // batch)
    every = asked.snapshot_every or max(1, iterations // TAKEN)
    return Snapshots(asked.snapshots or KEPT, every, share)
