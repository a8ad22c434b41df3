"""An alert's fingerprint: the name that Prometheus and Alertmanager give a set of labels.

Source: prometheus/common, model.LabelsToSignature: FNV-1a of 64 bits over the labels sorted by name, with a byte 255
after each name and each value.
"""

from collections.abc import Mapping

_OFFSET = 0xCBF29CE484222325
_PRIME = 0x100000001B3
_MASK = 2**64 - 1


def fingerprint(labels: Mapping[str, str]) -> str:
    """16 hex digits. A label without a value is no label, as in Prometheus."""
    value = _OFFSET
    # Go sorts strings by their bytes, which for UTF-8 is the order of the code points.
    for name, text in sorted(labels.items()):
        if not text:
            continue
        for byte in name.encode("utf-8", "replace") + b"\xff" + text.encode("utf-8", "replace") + b"\xff":
            value = ((value ^ byte) * _PRIME) & _MASK
    return f"{value:016x}"
