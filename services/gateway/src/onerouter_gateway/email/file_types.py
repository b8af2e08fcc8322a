"""Whether a file is what it is said to be, by its first bytes. A small table of what is sent by email, and of programs.

Mail systems reject programs, whatever they are called, and a file that lies about its type is how they are smuggled past
people. Signatures: the formats' own specifications; names of programs: the list of attachments that Gmail refuses
(https://support.google.com/mail/answer/6590, read 2026-11), and what the desktops of Windows, macOS and Linux run on a click.
"""

import codecs
import mimetypes
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*", re.ASCII)
_LOOKED_AT: Final = 8_192
OCTETS: Final = "application/octet-stream"
"""Says nothing of what it is; the name does, where it has an extension that we know."""

_PROGRAM_NAMES: Final = re.compile(
    r"action|ade|adp|app|appimage|application|appref-ms|apk|appx(bundle)?|bash|bat|cab|chm|class|cmd|com|command|cpl|crx|csh|deb|"
    r"desktop|diag(cab|cfg|pkg)|dll|dmg|drv|ex|ex_|exe|fish|gadget|hta|img|inf|ins|iso|isp|jar|jnlp|jse?|ksh|lib|library-ms|"
    r"lnk|mde|mjs|mpkg|msc|msh[12]?(xml)?|msix?(bundle)?|msp|mst|nsh|ocx|osx|pif|pkg|ps[12](xml)?|psc[12]|psd1|psm1|reg|rpm|run|"
    r"scf|scpt|scptd|scr|sct|search-ms|settingcontent-ms|sh|shb|shs|svgz|swf|sys|terminal|url|vb|vbe|vbs|vbscript|vhdx?|vxd|"
    r"webloc|website|wim|workflow|ws|ws[cfh]|xbap|xll|xpi|zsh"
)
_PROGRAM_TYPES: Final = re.compile(
    r"application/(x-(ms-?dos-?program|msdownload|msi|executable|elf|sharedlib|mach-binary|dosexec|sh|bat|java-applet)|"
    r"java-archive|vnd\.(microsoft\.portable-executable|android\.package-archive)|hta|wasm|(x-)?javascript)|text/javascript"
)
_PROGRAMS: Final = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # Java classes, and programs for several kinds of Mac
    b"\x00asm",
    b"dex\n",
    b"L\x00\x00\x00\x01\x14\x02\x00",  # a shortcut of Windows
    b"#!",
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")

_STARTS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/bmp": (b"BM",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
    "application/gzip": (b"\x1f\x8b",),
    "application/x-7z-compressed": (b"7z\xbc\xaf\x27\x1c",),
    "application/vnd.rar": (b"Rar!\x1a\x07",),
    "application/zip": _ZIP,
    "application/rtf": (b"{\\rtf",),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
    "audio/ogg": (b"OggS",),
    "application/msword": (_OLE,),
}
_SAME: Final[Mapping[str, str]] = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/x-ms-bmp": "image/bmp",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "application/x-gzip": "application/gzip",
    "application/x-rar-compressed": "application/vnd.rar",
    "text/rtf": "application/rtf",
    "audio/mp3": "audio/mpeg",
    "video/ogg": "audio/ogg",
    "application/vnd.ms-powerpoint": "application/msword",
    "application/vnd.ms-outlook": "application/msword",
    "application/acrobat": "application/pdf",
    "application/vnd.pdf": "application/pdf",
    "text/pdf": "application/pdf",
    "application/x-zip": "application/zip",
    "application/x-rar": "application/vnd.rar",
    "audio/mpeg3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
}
"""Other names, and formats that begin alike."""
_BY_NAME: Final[Mapping[str, str]] = {
    "7z": "application/x-7z-compressed",
    "avif": "image/avif",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip",
    "gz": "application/gzip",
    "heic": "image/heic",
    "heif": "image/heif",
    "log": "text/plain",
    "m4a": "audio/mp4",
    "md": "text/markdown",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rar": "application/vnd.rar",
    "rtf": "application/rtf",
    "tgz": "application/gzip",
    "wav": "audio/wav",
    "webp": "image/webp",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}
"""Extensions that the library's table lacks in one of its versions, or knows by another name."""
_SEVERAL: Final = frozenset({"dot", "mod", "pot", "pub", "ts"})
"""Extensions that programs without anything in common use: they say nothing."""
_SPREADSHEET: Final = "application/vnd.ms-excel"
"""Windows calls comma-separated text so, too."""
_ZIPPED: Final = re.compile(
    r"application/(vnd\.openxmlformats-officedocument\..+|vnd\.oasis\.opendocument\..+|epub\+zip|vnd\.apple\.pkpass|.+\+zip)"
)
_TEXTS: Final = re.compile(r"text/.+|application/(json|xml|.+\+(json|xml)|x-ndjson|yaml|x-yaml|csv)|image/svg\+xml")
_MEDIA: Final = re.compile(r"(image|audio|video|font)/.+")
_BOXED: Final = re.compile(
    r"image/(heic|heif|avif)(-sequence)?|(audio|video)/(mp4|m4[av]|x-m4[av]|quicktime|3gpp2?|mp4a-latm)"
)
"""Formats that begin as MP4 does (ISO/IEC 14496-12)."""
_ACTIVE: Final = re.compile(r"text/html|application/xhtml\+xml|image/svg\+xml|text/xml|application/xml")
"""What a browser carries out: never the type of a file with another extension."""
_BOMS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_KNOWN_NAMES: Final = mimetypes.MimeTypes(filenames=())  # the library's own table: the same on every machine


def declared_type(filename: str, content_type: str | None) -> str:
    """Lower case, without parameters; by the name where none is given, or one that says nothing. Raises ValueError."""
    if content_type is None:
        return type_by_name(filename) or OCTETS
    media_type = content_type.partition(";")[0].strip().lower()
    if _TYPE.fullmatch(media_type) is None:
        raise ValueError("must be a media type such as application/pdf")
    return media_type


def type_by_name(filename: str) -> str | None:
    """None: it has no extension, or one that we do not know."""
    ending = _ending(filename)
    if ending in _SEVERAL:
        return None
    if ending in _BY_NAME:
        return _BY_NAME[ending]
    found, encoding = _KNOWN_NAMES.guess_type(f"x.{ending}")
    return found if encoding is None and found != OCTETS else None


def misnamed(filename: str, media_type: str, content: bytes) -> bool:
    """Whether the extension says another type than the declared one, or than the content has."""
    named = type_by_name(filename)
    if named is None:
        return False
    return not _fits(named, media_type) or _lies_by_name(named, content)


def is_program(filename: str, media_type: str, content: bytes) -> bool:
    """By its name, by what it is said to be, or by what it is."""
    ending = _ending(filename)
    if _PROGRAM_NAMES.fullmatch(ending) or _PROGRAM_TYPES.fullmatch(media_type):
        return True
    return content.startswith(_PROGRAMS) or _is_windows_program(content)


def lies(media_type: str, content: bytes) -> bool:
    """Whether the content is surely not of this type. What the table does not know is believed."""
    if media_type == OCTETS or not content:
        return False
    name = _SAME.get(media_type, media_type)
    if name in _KINDS:
        return not _KINDS[name](content)
    if name == _SPREADSHEET:
        return kind_of(content) not in (None, "application/msword", "application/zip")
    if _ZIPPED.fullmatch(name):
        return not content.startswith((*_ZIP, _OLE))  # with a password it is an OLE file
    if _TEXTS.fullmatch(name):
        return not _is_text(content)
    possible = (None, "video/mp4") if _BOXED.fullmatch(name) else (None,)
    return kind_of(content) not in possible and _MEDIA.fullmatch(name) is not None


def kind_of(content: bytes) -> str | None:
    """The type in our table that the content begins as."""
    return next((name for name, matches in _KINDS.items() if matches(content)), None)


def _ending(filename: str) -> str:
    """Lower case, as Windows sees it: without dots and blanks at the end, and with letters of another width as ours."""
    name = unicodedata.normalize("NFKC", filename)
    while name and (name[-1] == "." or name[-1].isspace()):
        name = name[:-1]
    return name.rpartition(".")[2].lower() if "." in name else ""


def _fits(named: str, declared: str) -> bool:
    """Whether a file whose name says the one can be of the other."""
    named, declared = _SAME.get(named, named), _SAME.get(declared, declared)
    if declared in (named, OCTETS):
        return True
    if _ACTIVE.fullmatch(declared):
        return _TEXTS.fullmatch(named) is not None and "xml" in named and "xml" in declared
    if _TEXTS.fullmatch(declared) or declared.startswith("message/"):
        return _TEXTS.fullmatch(named) is not None or named == _SPREADSHEET or named.startswith("message/")
    if declared in _LOOSE:
        return _LOOSE[declared].fullmatch(named) is not None
    if _BOXED.fullmatch(named):
        return _BOXED.fullmatch(declared) is not None
    return not any((named in _KINDS, *(one.fullmatch(named) for one in (_ZIPPED, _TEXTS, _MEDIA))))


_LOOSE: Final[Mapping[str, re.Pattern[str]]] = {
    _SPREADSHEET: re.compile(r"text/csv|application/.+(spreadsheetml\.sheet|opendocument\.spreadsheet)"),
    "application/zip": _ZIPPED,
    "application/rtf": re.compile("application/msword"),
}
"""Types that say less than the names of these do, and are right as well."""


def _lies_by_name(named: str, content: bytes) -> bool:
    if _SAME.get(named, named) == "application/msword" and content.startswith(_STARTS["application/rtf"]):
        return False  # word processors have always saved it so
    return lies(named, content)


def _is_windows_program(content: bytes) -> bool:
    """`MZ`, and at the place named there `PE`, `NE` or `LE`; a text may begin with the two letters."""
    if not content.startswith(b"MZ"):
        return False
    at = int.from_bytes(content[60:64], "little")
    return content[at : at + 2] in (b"PE", b"NE", b"LE", b"LX") or not _is_text(content)


def _is_text(content: bytes) -> bool:
    """UTF-16 says so; what else holds NUL, or begins as something of the table, is none."""
    head = content[:_LOOKED_AT]
    if head.startswith(_BOMS):
        return True
    if b"\0" in head or head.startswith(b"%PDF-"):
        return False
    return not any(matches(content) for name, matches in _KINDS.items() if name not in _PRINTABLE)


def _starting(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(starts)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(b"RIFF") and content[8:12] == form


_KINDS: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "application/pdf": lambda content: b"%PDF-" in content[:1024],  # readers look that far, too
    "image/webp": _riff(b"WEBP"),
    "audio/wav": _riff(b"WAVE"),
    "video/mp4": lambda content: content[4:8] == b"ftyp",
    **{name: _starting(*starts) for name, starts in _STARTS.items()},
}
_PRINTABLE: Final = frozenset({"application/pdf", "image/bmp", "audio/mpeg", "application/rtf", "video/mp4"})
"""Those whose beginning is letters that a text may begin with as well."""
