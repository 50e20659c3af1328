"""The three identities: what Terraform gives them is what the README promises, and no more."""

from __future__ import annotations

import re

import pytest

from tests.terraform.bindings import EVERYWHERE, PLACES, TERRAFORM, bindings, permissions, sources, words

BUCKET_MEMBER = "google_storage_bucket_iam_member"


def promised() -> dict[tuple[str, str], str]:
    """The README's table: what each identity may do with the objects of each place."""
    table = re.search(r"\n(\| objects in \|.*?)\n\n", (TERRAFORM / "README.md").read_text(), re.S)
    assert table is not None
    rows = [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in table[1].splitlines()]
    identities = rows[0][1:]
    assert [row[0] for row in rows[2:]] == list(PLACES)
    return {(who, row[0]): said for row in rows[2:] for who, said in zip(identities, row[1:], strict=True) if said}


def given(texts: dict[str, str]) -> dict[tuple[str, str], str]:
    return {key: words(may) for key, may in permissions(texts).items()}


def test_the_bindings_are_the_promised_ones() -> None:
    assert given(sources()) == promised()


def test_what_the_product_relies_on_is_promised() -> None:
    may = promised()
    assert [who for who, place in may if place == "live"] == ["release"]
    assert [who for (who, place), said in may.items() if place == "uploads" and said != "read"] == ["release"]
    assert [who for (who, place), said in may.items() if place == "results/verdicts" and said != "read"] == ["screen"]
    assert may["reviewers", "results/reviews"] == "read, append"


def test_nobody_acts_as_another() -> None:
    acts = {(each.who, each.where) for each in bindings(sources()) if each.where.startswith("account ")}
    assert acts == {("screen", "account screen"), ("release", "account release")}


def test_for_the_whole_project_nobody_gets_any_object() -> None:
    wide = [each for each in bindings(sources()) if each.where == EVERYWHERE]
    assert len(wide) == 3
    assert not [each for each in wide for permission in each.permissions if permission.startswith("storage.objects")]


def member(kind: str, where: str, role: str, who: str) -> str:
    return f'resource "{kind}" "more" {{\n  {where}\n  role = "{role}"\n  member = {who}\n}}\n'


SCREEN, RELEASE = "google_service_account.screen.member", "google_service_account.release.member"
RESULTS = 'bucket = local.bucket["results"]'
VERDICTS = RESULTS + '\n  managed_folder = google_storage_managed_folder.results["verdicts"].name'
FOLDER_MEMBER = "google_storage_managed_folder_iam_member"


@pytest.mark.parametrize(
    "more",
    [
        member(FOLDER_MEMBER, VERDICTS, "roles/storage.objectUser", RELEASE),
        member(FOLDER_MEMBER, VERDICTS, "roles/storage.objectCreator", RELEASE),
        member(BUCKET_MEMBER, RESULTS, "roles/storage.objectUser", RELEASE),
        member(BUCKET_MEMBER, 'bucket = local.bucket["live"]', "roles/storage.objectCreator", SCREEN),
        member(BUCKET_MEMBER, 'bucket = local.bucket["live"]', "roles/storage.objectViewer", '"allUsers"'),
        member("google_project_iam_member", "project = var.project_id", "roles/dataflow.worker", RELEASE),
        member("google_project_iam_member", "project = var.project_id", "roles/storage.objectViewer", "var.reviewers"),
    ],
)
def test_a_binding_more_is_seen(more: str) -> None:
    assert given({**sources(), "more.tf": more}) != promised()


@pytest.mark.parametrize(
    "more",
    [
        member(BUCKET_MEMBER, RESULTS, "roles/storage.admin", RELEASE),
        member(BUCKET_MEMBER, 'bucket = "elsewhere"', "roles/storage.objectUser", RELEASE),
        member("google_storage_bucket_iam_binding", RESULTS, "roles/storage.objectUser", RELEASE),
        member("google_storage_bucket_acl", RESULTS, "roles/storage.objectUser", RELEASE),
        member(FOLDER_MEMBER, VERDICTS.replace('"verdicts"', "each.key"), "roles/storage.objectUser", RELEASE),
        member(FOLDER_MEMBER, VERDICTS.replace("folder.results", "folder.staging"), "roles/storage.objectUser", SCREEN),
    ],
)
def test_a_binding_that_is_not_understood_is_refused(more: str) -> None:
    with pytest.raises(ValueError, match="more"):
        bindings({**sources(), "more.tf": more})


@pytest.mark.parametrize(
    "taken", [r'"google_storage_bucket_iam_member" "release_writes_live"', r'"\w+" "screen_writes_results"']
)
def test_a_binding_less_is_seen(taken: str) -> None:
    texts = sources()
    without = re.sub(rf"resource {taken} {{.*?\n}}\n", "", texts["access.tf"], flags=re.S)
    assert without != texts["access.tf"]
    assert given({**texts, "access.tf": without}) != promised()
