from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.upload_headers import UploadHeaders


T = TypeVar("T", bound="Upload")


@_attrs_define
class Upload:
    """The request that uploads a document.

    Attributes:
        expires_in_seconds (int): Seconds until the URL expires.
        headers (UploadHeaders): Headers to send exactly as given.
        method (str): HTTP method.
        url (str): URL. Valid for one upload, because the bytes of a revision never change.
    """

    expires_in_seconds: int
    headers: UploadHeaders
    method: str
    url: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        expires_in_seconds = self.expires_in_seconds

        headers = self.headers.to_dict()

        method = self.method

        url = self.url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "expires_in_seconds": expires_in_seconds,
                "headers": headers,
                "method": method,
                "url": url,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.upload_headers import UploadHeaders  # noqa: PLC0415

        d = dict(src_dict)
        expires_in_seconds = d.pop("expires_in_seconds")

        headers = UploadHeaders.from_dict(d.pop("headers"))

        method = d.pop("method")

        url = d.pop("url")

        upload = cls(
            expires_in_seconds=expires_in_seconds,
            headers=headers,
            method=method,
            url=url,
        )

        upload.additional_properties = d
        return upload

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
