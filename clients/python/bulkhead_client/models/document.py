from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.document_status import DocumentStatus
from ..models.document_waiting_reason import DocumentWaitingReason
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.document_metadata import DocumentMetadata
    from ..models.progress import Progress


T = TypeVar("T", bound="Document")


@_attrs_define
class Document:
    """A document and its indexing status.

    Attributes:
        bytes_ (int): Size in bytes.
        chunks (int): Number of searchable passages.
        content_type (str): Content type.
        created_at (datetime.datetime): Creation time, RFC 3339.
        id (str): Id of a document. Example: 0192f3c5b7a07e0e9d3a5c1b2d4e6f80.
        keep_boilerplate (bool): Whether menus, page footers and cookie banners of HTML are kept.
        metadata (DocumentMetadata): Your own keys with a text, a number or a boolean each: at most 32 keys of 1 to 60
            characters from A-Z, a-z, 0-9, `_` and `-`, and at most 1,536 bytes of JSON. Numbers: -2^53 to 2^53. A search
            can filter by them. Not for secrets: the index stores them readable to the service.
        revision (int): Number of the newest revision, starting at 1. `status`, `title`, `metadata`, `content_type` and
            `bytes` refer to it.
            A revision whose content does not arrive within 30 minutes does not count. Example: 1.
        status (DocumentStatus): The status of the newest revision. `waiting`: see `waiting_reason`. `dead`: the
            document is among the dead letters.
        title (str): Title.
        updated_at (datetime.datetime): Time of the last status change, RFC 3339.
        warnings (list[str]): Which text of the document is missing, and why; empty if nothing is.
        external_id (None | str | Unset):
        last_error (None | str | Unset): Why the last attempt failed.
        progress (None | Progress | Unset):
        ready_revision (int | None | Unset): Number of the searchable revision; `null` until the first revision is
            indexed. Example: 1.
        waiting_reason (DocumentWaitingReason | Unset): Why indexing waits: `retry` (the last attempt failed),
            `circuit_open` (too many of the tenant's jobs failed), `over_limit` (no worker is free), `continued` (the
            document needs several runs), `budget` (your budget has no room), `lost` (a worker disappeared) or `redriven`.
            Only with the status `waiting`.
    """

    bytes_: int
    chunks: int
    content_type: str
    created_at: datetime.datetime
    id: str
    keep_boilerplate: bool
    metadata: DocumentMetadata
    revision: int
    status: DocumentStatus
    title: str
    updated_at: datetime.datetime
    warnings: list[str]
    external_id: None | str | Unset = UNSET
    last_error: None | str | Unset = UNSET
    progress: None | Progress | Unset = UNSET
    ready_revision: int | None | Unset = UNSET
    waiting_reason: DocumentWaitingReason | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.progress import Progress  # noqa: PLC0415

        bytes_ = self.bytes_

        chunks = self.chunks

        content_type = self.content_type

        created_at = self.created_at.isoformat()

        id = self.id

        keep_boilerplate = self.keep_boilerplate

        metadata = self.metadata.to_dict()

        revision = self.revision

        status = self.status.value

        title = self.title

        updated_at = self.updated_at.isoformat()

        warnings = self.warnings

        external_id: None | str | Unset
        if isinstance(self.external_id, Unset):
            external_id = UNSET
        else:
            external_id = self.external_id

        last_error: None | str | Unset
        if isinstance(self.last_error, Unset):
            last_error = UNSET
        else:
            last_error = self.last_error

        progress: dict[str, Any] | None | Unset
        if isinstance(self.progress, Unset):
            progress = UNSET
        elif isinstance(self.progress, Progress):
            progress = self.progress.to_dict()
        else:
            progress = self.progress

        ready_revision: int | None | Unset
        if isinstance(self.ready_revision, Unset):
            ready_revision = UNSET
        else:
            ready_revision = self.ready_revision

        waiting_reason: str | Unset = UNSET
        if not isinstance(self.waiting_reason, Unset):
            waiting_reason = self.waiting_reason.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "bytes": bytes_,
                "chunks": chunks,
                "content_type": content_type,
                "created_at": created_at,
                "id": id,
                "keep_boilerplate": keep_boilerplate,
                "metadata": metadata,
                "revision": revision,
                "status": status,
                "title": title,
                "updated_at": updated_at,
                "warnings": warnings,
            }
        )
        if external_id is not UNSET:
            field_dict["external_id"] = external_id
        if last_error is not UNSET:
            field_dict["last_error"] = last_error
        if progress is not UNSET:
            field_dict["progress"] = progress
        if ready_revision is not UNSET:
            field_dict["ready_revision"] = ready_revision
        if waiting_reason is not UNSET:
            field_dict["waiting_reason"] = waiting_reason

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.document_metadata import DocumentMetadata  # noqa: PLC0415
        from ..models.progress import Progress  # noqa: PLC0415

        d = dict(src_dict)
        bytes_ = d.pop("bytes")

        chunks = d.pop("chunks")

        content_type = d.pop("content_type")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        id = d.pop("id")

        keep_boilerplate = d.pop("keep_boilerplate")

        metadata = DocumentMetadata.from_dict(d.pop("metadata"))

        revision = d.pop("revision")

        status = DocumentStatus(d.pop("status"))

        title = d.pop("title")

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))

        warnings = cast(list[str], d.pop("warnings"))

        def _parse_external_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        external_id = _parse_external_id(d.pop("external_id", UNSET))

        def _parse_last_error(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        last_error = _parse_last_error(d.pop("last_error", UNSET))

        def _parse_progress(data: object) -> None | Progress | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                progress_type_0 = Progress.from_dict(data)

                return progress_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Progress | Unset, data)

        progress = _parse_progress(d.pop("progress", UNSET))

        def _parse_ready_revision(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        ready_revision = _parse_ready_revision(d.pop("ready_revision", UNSET))

        _waiting_reason = d.pop("waiting_reason", UNSET)
        waiting_reason: DocumentWaitingReason | Unset
        if isinstance(_waiting_reason, Unset):
            waiting_reason = UNSET
        else:
            waiting_reason = DocumentWaitingReason(_waiting_reason)

        document = cls(
            bytes_=bytes_,
            chunks=chunks,
            content_type=content_type,
            created_at=created_at,
            id=id,
            keep_boilerplate=keep_boilerplate,
            metadata=metadata,
            revision=revision,
            status=status,
            title=title,
            updated_at=updated_at,
            warnings=warnings,
            external_id=external_id,
            last_error=last_error,
            progress=progress,
            ready_revision=ready_revision,
            waiting_reason=waiting_reason,
        )

        document.additional_properties = d
        return document

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
