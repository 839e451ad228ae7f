from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Source")


@_attrs_define
class Source:
    """Where to download a document's file.

    Attributes:
        bytes_ (int): Size in bytes.
        content_type (str): Content type of the file. Example: text/markdown; charset=utf-8.
        expires_in_seconds (int): Seconds until the URL expires.
        file_name (str): Name of the file, made from the title. The download has it, too. Example: House rules.md.
        revision (int): Number of the revision. Example: 1.
        url (str): URL of the file, for `GET` without headers. Gives access to this file alone.
    """

    bytes_: int
    content_type: str
    expires_in_seconds: int
    file_name: str
    revision: int
    url: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        bytes_ = self.bytes_

        content_type = self.content_type

        expires_in_seconds = self.expires_in_seconds

        file_name = self.file_name

        revision = self.revision

        url = self.url

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bytes": bytes_,
                "content_type": content_type,
                "expires_in_seconds": expires_in_seconds,
                "file_name": file_name,
                "revision": revision,
                "url": url,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        bytes_ = d.pop("bytes")

        content_type = d.pop("content_type")

        expires_in_seconds = d.pop("expires_in_seconds")

        file_name = d.pop("file_name")

        revision = d.pop("revision")

        url = d.pop("url")

        source = cls(
            bytes_=bytes_,
            content_type=content_type,
            expires_in_seconds=expires_in_seconds,
            file_name=file_name,
            revision=revision,
            url=url,
        )

        source.additional_properties = d
        return source

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
