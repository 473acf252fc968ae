"""One header field family a module: a frozen dataclass, `parse(text)`, and `str()` its inverse.

Reading is lenient: a Fault means that the value could not be read. What can be read and still breaks
the grammar is listed, strictly, in the value's `faults`.
"""
