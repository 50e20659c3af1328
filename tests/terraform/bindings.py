"""Who may do what with which objects, read out of the text of terraform/*.tf; needs neither Terraform nor a provider.

Every resource whose type speaks of IAM is read. What this does not understand is an error and never left out, so a
binding in a form that nobody thought of fails the tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"

# What Google's roles hold of storage.objects.* (cloud.google.com/iam/docs/roles-permissions, 2025).
READ = {"storage.objects.get", "storage.objects.list"}
CREATE = {"storage.objects.create"}
ROLES = {
    "roles/storage.objectViewer": READ,
    "roles/storage.objectCreator": CREATE,
    "roles/storage.objectUser": READ | CREATE | {"storage.objects.delete", "storage.objects.update"},
    "roles/storage.objectAdmin": READ | CREATE | {"storage.objects.delete", "storage.objects.update"},
    "roles/dataflow.worker": CREATE | {"storage.objects.get"},
    "roles/artifactregistry.reader": set(),
    "roles/bigquery.dataViewer": set(),
    "roles/bigquery.jobUser": set(),
    "roles/cloudkms.cryptoKeyEncrypterDecrypter": set(),
    "roles/iam.serviceAccountUser": set(),
    "roles/iam.workloadIdentityUser": set(),
}
FOLDERS = {
    "results": ("verdicts", "runs", "reports", "reviews", "releases", "alive"),
    "staging": ("screen", "release", "templates"),
}
PLACES = (
    *("uploads", "live", "quarantine"),
    *(f"results/{folder}" for folder in FOLDERS["results"]),
    "bundles",
    *(f"staging/{folder}" for folder in FOLDERS["staging"]),
)
EVERYWHERE = ""
# What members are written as, and the identity that each is.
MEMBERS = {
    r"google_service_account\.(\w+)\.member": r"\1",
    r"var\.reviewers": "reviewers",
    r"serviceAccount:\$\{google_bigquery_connection\.results\.cloud_resource\[0\]\.service_account_id\}": "BigQuery",
    r"serviceAccount:\$\{each\.value\}": "Google's own agents",
    r"serviceAccount:\$\{var\.project_id\}\.svc\.id\.goog\[\$\{var\.flink\.namespace\}/\$\{var\.name\}-(\w+)\]": r"\1",
}


@dataclass(frozen=True)
class Binding:
    """An identity, what it gets, and where: a bucket, `bucket/folder`, EVERYWHERE, or what is no place of objects."""

    who: str
    permissions: frozenset[str]
    where: str
    role: str


def sources() -> dict[str, str]:
    """The text of each file."""
    return {path.name: path.read_text() for path in sorted(TERRAFORM.glob("*.tf"))}


_parsed = cache(hcl2.loads)  # half a second for all files


def resources(texts: Mapping[str, str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every resource: its type, its name and its arguments."""
    for text in texts.values():
        for block in _parsed(text).get("resource", []):
            for kind, named in block.items():
                for name, arguments in named.items():
                    yield kind.strip('"'), name.strip('"'), arguments


def bindings(texts: Mapping[str, str]) -> list[Binding]:
    """Every binding of every file."""
    found = list(resources(texts))
    custom = {
        f"google_project_iam_custom_role.{name}.name": frozenset(map(_plain, arguments["permissions"]))
        for kind, name, arguments in found
        if kind == "google_project_iam_custom_role"
    }
    made: list[Binding] = []
    for kind, name, arguments in found:
        if not re.search(r"_iam_|_acl|access_control", kind) or kind == "google_project_iam_custom_role":
            continue
        if not kind.endswith("_iam_member") or "condition" in arguments:
            raise ValueError(f"{kind}.{name}: a binding of a form that is not understood here")
        role = _plain(arguments["role"])
        if role not in custom and role not in ROLES:
            raise ValueError(f"{kind}.{name}: say in ROLES what {role} holds of storage.objects.*")
        permissions = custom.get(role, frozenset(ROLES.get(role, ())))
        for key in _keys(arguments):
            where = _where(kind, name, arguments, key)
            if kind.startswith("google_storage_") and not any(f"{place}/".startswith(f"{where}/") for place in PLACES):
                raise ValueError(f"{kind}.{name}: {where} is no place known here")
            made.append(Binding(_who(kind, name, arguments), permissions, where, role))
    return made


def _plain(value: str) -> str:
    """A string without its quotes, an expression without its braces."""
    return value.strip('"').removeprefix("${").removesuffix("}") if value.count("${") < 2 else value.strip('"')


def _keys(arguments: Mapping[str, Any]) -> list[str]:
    written = arguments.get("for_each")
    if written is None:
        return [""]
    if match := re.fullmatch(r"\$\{toset\(\[(.*)\]\)\}", written):
        return re.findall(r'"(\w+)"', match[1])
    return ["each"]


def _who(kind: str, name: str, arguments: Mapping[str, Any]) -> str:
    written = arguments["member"].strip('"')
    bare = re.sub(r"^\$\{([^{}]*)\}$", r"\1", written)
    for pattern, identity in MEMBERS.items():
        if match := re.fullmatch(pattern, bare):
            return match.expand(identity)
    return f"{bare} (of {kind}.{name})"


def _where(kind: str, name: str, arguments: Mapping[str, Any], key: str) -> str:
    if kind == "google_project_iam_member":
        return EVERYWHERE
    if kind == "google_service_account_iam_member":
        return "account " + re.sub(r".*google_service_account\.(\w+)\..*", r"\1", arguments["service_account_id"])
    if not kind.startswith("google_storage_"):
        return kind
    bucket = re.fullmatch(r'\$\{local\.bucket\["(\w+)"\]\}', arguments["bucket"])
    if bucket is None:
        raise ValueError(f"{kind}.{name}: its bucket is written in a form that is not understood here")
    if kind == "google_storage_bucket_iam_member":
        return bucket[1]
    pattern = r'\$\{google_storage_managed_folder\.(\w+)\[(?:"(\w+)"|each\.key)\]\.name\}'
    folder = re.fullmatch(pattern, arguments["managed_folder"])
    if folder is None or folder[1] != bucket[1]:
        raise ValueError(f"{kind}.{name}: its folder is written in a form that is not understood here")
    return f"{bucket[1]}/{folder[2] or key}"


def permissions(texts: Mapping[str, str]) -> dict[tuple[str, str], set[str]]:
    """What each identity may do with objects of each place."""
    given: dict[tuple[str, str], set[str]] = {}
    for each in bindings(texts):
        objects = {permission for permission in each.permissions if permission.startswith("storage.objects.")}
        for place in PLACES:
            if objects and (each.where == EVERYWHERE or place == each.where or place.startswith(f"{each.where}/")):
                given.setdefault((each.who, place), set()).update(objects)
    return given


def words(given: set[str]) -> str:
    """Permissions as the README says them: write is all there is, append is create alone."""
    verbs = {permission.removeprefix("storage.objects.") for permission in given}
    if verbs == {"get", "list", "create", "update", "delete"}:
        return "write"
    named = [("read", {"get", "list"}), ("append", {"create"}), ("delete", {"delete"})]
    said = [word for word, needs in named if needs <= verbs]
    rest = verbs - {verb for word, needs in named if word in said for verb in needs}
    return ", ".join([*said, *sorted(rest)])
