"""The fingerprint of an alert's labels, as Prometheus and Alertmanager compute it: FNV-1a over the sorted labels."""

from collections.abc import Mapping

_OFFSET = 0xCBF29CE484222325
_PRIME = 0x100000001B3


def fingerprint(labels: Mapping[str, str]) -> str:
    """16 hex digits. Source: `LabelSet.Fingerprint` of prometheus/common."""
    value = _OFFSET
    for name, text in sorted(labels.items(), key=lambda label: label[0].encode()):
        for byte in name.encode() + b"\xff" + text.encode() + b"\xff":
            value = (value ^ byte) * _PRIME % 2**64
    return f"{value:016x}"
