"""`twinnet serve`, and the keys for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from twinnet.cli.training import Json

keys = typer.Typer(
    no_args_is_help=True, suggest_commands=True, rich_markup_mode="markdown",
    help="API keys for `twinnet serve`: shown once, kept as hashes. A running server reads the file again.",
)  # fmt: skip
KeyFile = Annotated[Path, typer.Option("--keys", help="The file of keys.")]
KeyName = Annotated[str, typer.Argument(help="Whose key it is.")]


def serve(
    model: Annotated[Path, typer.Argument(help="A file that export wrote; or a model file, where torch is installed.")],
    gallery: Annotated[Optional[str], typer.Option(help="A folder, made where there is none, or milvus://….")] = None,  # noqa: UP045  (Typer)
    host: Annotated[str, typer.Option(help="Other than the loopback needs --keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    key_file: Annotated[Optional[Path], typer.Option("--keys", help="A file that `twinnet keys` wrote.")] = None,  # noqa: UP045
    allow_host: Annotated[list[str] | None, typer.Option(help="A name this server is called by; repeatable.")] = None,
    audit: Annotated[Optional[Path], typer.Option(help="Who enrolled and forgot whom, line by line.")] = None,  # noqa: UP045
    detector: Annotated[Optional[Path], typer.Option(help="A detector of anomalies, exported.")] = None,  # noqa: UP045
    texts: Annotated[Optional[Path], typer.Option(help="Text twins that `texts train` wrote.")] = None,  # noqa: UP045
    keep_originals: Annotated[
        bool, typer.Option("--keep-originals", help="A new gallery: keep the pictures, for contact sheets.")
    ] = False,
    gallery_key: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Encrypted galleries: a file with the key; or TWINNET_GALLERY_KEY."),
    ] = None,
    tls_cert: Annotated[Optional[Path], typer.Option(help="For https: the certificate chain.")] = None,  # noqa: UP045
    tls_key: Annotated[Optional[Path], typer.Option(help="For https: its private key.")] = None,  # noqa: UP045
    threads: Annotated[int, typer.Option(min=0, help="For the network; 0: all cores.")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Images that go through the network together.")] = 16,
    max_body_mb: Annotated[float, typer.Option(help="A larger request is refused.")] = 16.0,
    max_images: Annotated[int, typer.Option(help="Images in one request.")] = 64,
    max_pixels: Annotated[int, typer.Option(help="Of one image.")] = 2**24,
    max_in_flight: Annotated[int, typer.Option(help="Requests at work; more are told to come again.")] = 128,
    max_seconds: Annotated[float, typer.Option(help="For one request.")] = 30.0,
    per_minute: Annotated[int, typer.Option(help="Images of one key.")] = 6000,
    page: Annotated[bool, typer.Option("--page/--no-page", help="The web page beside the API.")] = True,
    json: Json = False,
) -> None:
    """Serve a model and a gallery over HTTP, with a page, on this machine alone unless there are keys.

    A model's file or a gallery that is replaced is taken up without dropping a request, at once with SIGHUP.

    Example: `twinnet serve people.onnx --gallery staff`
    """
    from twinnet.cli.render import notes, print_json
    from twinnet.core.errors import GalleryError
    from twinnet.gallery.local.seal import KEY_VARIABLE
    from twinnet.server import Limits, Settings
    from twinnet.server import serve as run

    secret = os.environ.get(KEY_VARIABLE) or None
    if gallery_key is not None:
        try:
            secret = gallery_key.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise GalleryError(f"{gallery_key}: the key cannot be read ({error}).") from error
    limits = Limits(
        body_bytes=round(max_body_mb * 2**20), items=max_images, image_pixels=max_pixels, in_flight=max_in_flight,
        work_s=max_seconds, images_per_minute=per_minute,
    )  # fmt: skip
    settings = Settings(
        model, gallery=gallery, gallery_key=secret, keep_originals=keep_originals, detector=detector, texts=texts,
        keys=key_file, audit=audit, host=host, port=port, hosts=tuple(allow_host or ()), tls_cert=tls_cert,
        tls_key=tls_key, threads=threads, batch=batch, page=page, limits=limits,
    )  # fmt: skip

    def tell(address: str) -> None:
        if json:
            print_json({"address": address, "pid": os.getpid()})
            sys.stdout.flush()
        else:
            notes([f"serving on {address}; stop with Ctrl-C"])

    run(settings, tell=tell)


@keys.command()
def add(
    name: KeyName,
    file: KeyFile = Path("keys.json"),
    scope: Annotated[Optional[list[str]], typer.Option(help="read, enrol, delete; repeatable. Default: read.")] = None,  # noqa: UP045
    days: Annotated[Optional[float], typer.Option(help="Until it expires; default: never.")] = None,  # noqa: UP045
    json: Json = False,
) -> None:
    """Make a key and show it, once.

    Example: `twinnet keys add door --keys keys.json --scope read --scope enrol`
    """
    from twinnet.server.keys import add_key

    _shown(add_key(file, name, scope or ["read"], days=days), name, json)


@keys.command()
def rotate(
    name: KeyName,
    file: KeyFile = Path("keys.json"),
    grace_hours: Annotated[float, typer.Option(min=0, help="So long the old one still works.")] = 24.0,
    json: Json = False,
) -> None:
    """Make a new key with the same name and scopes; the old one works a while longer.

    Example: `twinnet keys rotate door --keys keys.json`
    """
    from twinnet.server.keys import rotate_key

    _shown(rotate_key(file, name, grace_s=3600 * grace_hours), name, json)


@keys.command()
def revoke(name: KeyName, file: KeyFile = Path("keys.json"), json: Json = False) -> None:
    """Remove a key, at once.

    Example: `twinnet keys revoke door --keys keys.json`
    """
    from twinnet.cli.render import print_json, say
    from twinnet.server.keys import revoke_key

    n = revoke_key(file, name)
    if json:
        print_json({"name": name, "removed": n})
    else:
        say(f"{n} removed: {name}")


@keys.command("list")
def list_(file: KeyFile = Path("keys.json"), json: Json = False) -> None:
    """Which keys there are, without the keys.

    Example: `twinnet keys list --keys keys.json`
    """
    import time
    from dataclasses import asdict

    from twinnet.cli.render import print_json, say
    from twinnet.server.keys import read_keys

    found = read_keys(file)
    if json:
        rows = [{name: value for name, value in asdict(key).items() if name != "hash"} for key in found]
        print_json({"keys": rows})
        return
    for key in found:
        ends = "" if key.expires is None else time.strftime(", until %Y-%m-%d %H:%M UTC", time.gmtime(key.expires))
        say(f"{key.name}: {', '.join(key.scopes)}{ends} ({key.id})")


def _shown(token: str, name: str, json: bool) -> None:
    from twinnet.cli.render import print_json, say

    if json:
        print_json({"name": name, "key": token})
        return
    say(token)
    say(f"This is the key {name!r}. It is shown once and kept nowhere; send it as Authorization: Bearer KEY.")
