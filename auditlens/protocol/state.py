"""Lock and look of one run."""

from __future__ import annotations

from auditlens.protocol.lock import lock_state
from auditlens.protocol.looks import identity_of, look_state
from auditlens.spec.load import LoadedSpec
from auditlens.stages.protocol import ProtocolState


def protocol_state(
    loaded: LoadedSpec, model_sha256: str | None, data_sha256: str, *, sealed: bool = True
) -> ProtocolState | None:
    """Say how a run stands to its lock, and which look at the sealed data it is; None without a protocol.

    Parameters
    ----------
    loaded : LoadedSpec
        The whole spec, whatever part of it runs.
    model_sha256 : str or None
    data_sha256 : str
    sealed : bool
        Whether the data of this run are sealed ones; others take no look.
    """
    if loaded.spec.protocol is None:
        return None
    lock = lock_state(loaded)
    look = look_state(loaded, identity_of(loaded, model_sha256, data_sha256), lock) if sealed else None
    return ProtocolState(lock=lock, look=look)
