from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="DeadLetter")


@_attrs_define
class DeadLetter:
    """A document whose indexing failed for good. Redrive it to try again.

    Attributes:
        accepted_at (datetime.datetime): Time the document was accepted, RFC 3339.
        attempts (int): Number of attempts.
        dead_since (datetime.datetime): Time the job became a dead letter, RFC 3339.
        document (str): Id of a document. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        last_error (str): Why the last attempt failed. Example: the PDF is encrypted; save it without a password.
    """

    accepted_at: datetime.datetime
    attempts: int
    dead_since: datetime.datetime
    document: str
    last_error: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        accepted_at = self.accepted_at.isoformat()

        attempts = self.attempts

        dead_since = self.dead_since.isoformat()

        document = self.document

        last_error = self.last_error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "accepted_at": accepted_at,
                "attempts": attempts,
                "dead_since": dead_since,
                "document": document,
                "last_error": last_error,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        accepted_at = datetime.datetime.fromisoformat(d.pop("accepted_at"))

        attempts = d.pop("attempts")

        dead_since = datetime.datetime.fromisoformat(d.pop("dead_since"))

        document = d.pop("document")

        last_error = d.pop("last_error")

        dead_letter = cls(
            accepted_at=accepted_at,
            attempts=attempts,
            dead_since=dead_since,
            document=document,
            last_error=last_error,
        )

        dead_letter.additional_properties = d
        return dead_letter

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
