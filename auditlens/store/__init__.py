"""Stage results by content hash: a key and a computation come in; the stored or freshly computed result goes out."""

from auditlens.store.content import Progress, Store, default_root
from auditlens.store.run_folder import RunFolder

__all__ = ["Progress", "RunFolder", "Store", "default_root"]
