#!/usr/bin/env bash
# chardet: a short CSV in Windows-1252 is said to be MacIceland, or a code page for Hebrew
#
# Expected: for a few lines of German or French, a detector that is unsure says windows-1252 (or ISO-8859-1), as chardet did for years and as browsers fall
#   back to.
# Seen: names and towns of Germany give MacIceland, so Müller decodes to another text without an error; a French line with a euro sign gives cp862.
#   charset-normalizer says cp1250 for both, which happens to decode these letters right.
# With: chardet 7.7.0, charset-normalizer 3.5.3; 2026-11-28.
# Matters: many old encodings decode any bytes, so nothing fails downstream. An ingest that trusts a detector on small files stores other letters. Try
#   UTF-8 strictly, then one encoding that the sender agreed to.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check chardet==7.7.0 charset-normalizer==3.5.3
venv/bin/python - <<'PY'
import chardet, charset_normalizer
print("chardet", chardet.__version__, "charset-normalizer", charset_normalizer.__version__)
seen = []
for text in ("name;ort\nMüller;Köln\nGröße;Straße\n", "nom,prix\nCafé,5 €\n"):
    data = text.encode("cp1252")
    named, peer = chardet.detect(data)["encoding"], charset_normalizer.from_bytes(data).best().encoding
    seen.append((named, data.decode(named) == text, peer, data.decode(peer) == text))
    print(*seen[-1], repr(data.decode(named)))
assert seen == [("MacIceland", False, "cp1250", True), ("cp862", False, "cp1250", True)]
PY
