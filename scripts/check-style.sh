#!/usr/bin/env bash
# Checks what CONTRIBUTING.md says of files: no name that means nothing, none over 800 lines.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly MOST_LINES=800
found=0

complain() { echo "check-style.sh: $*" >&2; found=1; }

while IFS= read -r file; do
  case "${file##*/}" in
    utils.rs | common.rs | types.rs | helpers.rs | misc.rs) complain "$file: the name says nothing; name what is in it" ;;
  esac
  lines=$(wc -l < "$file")
  [ "$lines" -le "$MOST_LINES" ] || complain "$file: $lines lines, more than $MOST_LINES; split it by meaning"
done < <(git ls-files --cached --others --exclude-standard -- '*.rs' ':!:*/golden/*')

[ "$found" -eq 0 ] && echo "check-style.sh: no findings"
exit "$found"
