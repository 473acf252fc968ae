"""FS-001 … FS-125: feature synchronisation by `as-feature-event`, as far as it can be judged by watching.

Not here: checks that need a phone's display (FS-105, 106, 111, 122, 126-128 …), a known configuration (FS-102),
or a particular stimulus and a look at the state behind it (FS-012, 020 … 029, 040, 042 … 046); scenarios ask
those.
"""

from sipconform.checks.feature_sync import changes, documents, lifecycle, phone, recovery, server

__all__ = ["changes", "documents", "lifecycle", "phone", "recovery", "server"]
