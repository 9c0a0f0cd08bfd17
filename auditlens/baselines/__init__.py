"""Earlier runs come in; each goes out read, checked, and with answers that this run may be compared with."""

from auditlens.baselines.compared import Again, comparands, read_all
from auditlens.baselines.read import given_baselines

__all__ = ["Again", "comparands", "given_baselines", "read_all"]
