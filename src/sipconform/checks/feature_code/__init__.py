"""FC-001 … FC-029, FS-128 and FS-131: features switched by calls to codes (feature sync sheet §4, §7.4).

What a code means is each system's own affair: checks that need to know ask only where the lab said which codes are in
force, and those about keys only where the lab noted who pressed what.
"""

from sipconform.checks.feature_code import answer, display, keys, rights, roads, server, telling, uri

__all__ = ["answer", "display", "keys", "rights", "roads", "server", "telling", "uri"]
