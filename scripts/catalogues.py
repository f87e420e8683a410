"""Check the message catalogues: every string of the sources is there, translated, and in the right form.

Runs in the virtual environment: `python -m scripts.catalogues`; with `renew` it first brings the catalogues up to what
the sources say (`make messages`): new strings come in untranslated, those that are gone go.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
APPS = ("boundaries", "gridmap")
LOCALE = ROOT / "gridmap" / "locale"
# English is the language of the sources: its catalogue need not exist.
LANGUAGES = ("zh_Hans",)
SOURCE_LANGUAGE = "en"
# The dates that tools put here change with every run and tell nothing that the history does not.
_HEADER = """msgid ""
msgstr ""
"Project-Id-Version: Gridmap\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""
_PLACES = re.compile(r"%\(\w+\)[-+ 0#]*\d*(?:\.\d+)?[sdif]|%[sdifcg](?![a-z])|\{\w*\}")


def fresh_catalogue(domain: str) -> Catalog:
    """Extract what the sources say now, in a copy of them, with Django's own extraction."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for app in APPS:
            shutil.copytree(
                ROOT / app, copy / app, ignore=shutil.ignore_patterns("locale", "__pycache__", "migrations")
            )
        (copy / "locale").mkdir()
        command = [
            sys.executable,
            "-m",
            "django",
            "makemessages",
            "-l",
            SOURCE_LANGUAGE,
            "-d",
            domain,
            "--no-obsolete",
            "-v",
            "0",
        ]
        if domain == "djangojs":
            command += ["-e", "js"]
        subprocess.run(command, cwd=copy, check=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
        made = copy / "locale" / SOURCE_LANGUAGE / "LC_MESSAGES" / f"{domain}.po"
        if not made.exists():
            return Catalog()
        return read_po(made.read_bytes().splitlines(keepends=True))


def renew(said: Catalog, language: str, domain: str) -> None:
    """Write the catalogue anew, in the order of the sources, without line numbers or dates that change by themselves."""
    file = LOCALE / language / "LC_MESSAGES" / f"{domain}.po"
    before = (
        read_po(file.read_bytes().splitlines(keepends=True), locale=language)
        if file.exists()
        else Catalog(locale=language)
    )
    catalogue = Catalog(locale=language, domain=domain)
    for message in sorted((message for message in said if message.id), key=lambda each: each.locations):
        there = before.get(message.id if isinstance(message.id, str) else message.id[0], message.context)
        text = there.string if there is not None and not there.fuzzy else ""
        if isinstance(message.id, tuple):
            text = text if isinstance(text, tuple) else (str(text or ""),)
        catalogue.add(
            message.id,
            text,
            [(name, 1) for name in sorted({name for name, _ in message.locations})],
            message.flags - {"fuzzy"},
            auto_comments=message.auto_comments,
            context=message.context,
        )
    if not len(catalogue):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    body = io.BytesIO()
    write_po(body, catalogue, width=0, omit_header=True, include_lineno=False)
    file.write_bytes(_HEADER.format(language=language).encode() + body.getvalue())


def problems(said: Catalog, language: str, domain: str) -> list[str]:
    """What is missing or wrong in one catalogue, one line each."""
    file = LOCALE / language / "LC_MESSAGES" / f"{domain}.po"
    messages = [message for message in said if message.id]
    if not messages:
        return []
    if not file.exists():
        return [f"{file.relative_to(ROOT)} does not exist, and the sources have {len(messages)} messages"]
    catalogue = read_po(file.read_bytes().splitlines(keepends=True), locale=language)
    found = []
    for message in messages:
        there = catalogue.get(message.id if isinstance(message.id, str) else message.id[0], message.context)
        fault = _fault(message, there)
        if fault:
            found.append(f"{file.relative_to(ROOT)}: {fault}: {message.id!r}")
    return found


def _fault(message: Message, there: Message | None) -> str:
    if there is None:
        return "not in the catalogue"
    if there.fuzzy:
        return "marked as fuzzy"
    texts = [there.string] if isinstance(there.string, str) else list(there.string or ())
    if not all(texts):
        return "not translated"
    sources = [message.id] if isinstance(message.id, str) else list(message.id)
    # The plural form names everything; English may say “one” without its number.
    places = set(_PLACES.findall(sources[-1]))
    for text in texts:
        if set(_PLACES.findall(text)) != places:
            return "the placeholders of the translation differ"
    return ""


def main() -> int:
    """Print every problem; exit code 1 when there is any."""
    found = []
    for domain in ("django", "djangojs"):
        said = fresh_catalogue(domain)
        for language in LANGUAGES:
            if "renew" in sys.argv[1:]:
                renew(said, language, domain)
            found += problems(said, language, domain)
    for line in found[:200]:
        print(line)
    print(f"{len(found)} problems in the catalogues" if found else "The catalogues are complete.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
