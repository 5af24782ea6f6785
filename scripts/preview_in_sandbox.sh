#!/bin/sh
# Previews of both stacks against the simulated clouds, as Markdown. Needs no account and reaches no cloud.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
name=preview-$$
"$here/dr" sandbox up --name "$name" --fresh >&2
trap '"$here/dr" sandbox down --name "$name" >&2; rm -rf "$here/.sandbox/$name"' EXIT
settings=$("$here/dr" sandbox env --name "$name")
eval "$settings" # the rest happens in the sandbox's copy of the project

preview() {
    title=$1
    shift
    printf '### %s\n\n```\n' "$title"
    status=0
    pulumi preview --non-interactive --color never --suppress-progress --policy-pack "$here/policies" "$@" || status=$?
    printf '```\n\n'
    return "$status"
}

pulumi stack select --create normal >&2
preview 'normal, from nothing' --stack normal
# What follows looks at a production that stands.
pulumi up --yes --skip-preview --non-interactive --suppress-progress --stack normal >&2
preview 'normal, in an emergency' --stack normal --config mode=emergency
pulumi stack select --create emergency >&2
preview 'emergency, a drill beside production' --stack emergency
