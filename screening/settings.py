"""Load and validate everything that a job needs before the first upload is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path

from screening.checks.hashes import KNOWN_HOST, LABELS, MATCHING, Bank, load_bank
from screening.classifiers import Bundle, find_bundles, make_engine
from screening.classifiers.engines import check_precision, engine_id
from screening.decode import decoder_version
from screening.errors import ConfigError
from screening.policy import BankSpec, Policy, PolicyError, load_policy
from screening.policy.rules import Rule
from screening.records import Fingerprint, Threshold

PACKAGE = str(Path(str(resources.files("screening"))).resolve())  # absolute, as the places of a policy's banks
SHIPPED_POLICY = f"{PACKAGE}/policies/default.yaml"
SHIPPED_BUNDLES = f"{PACKAGE}/bundles"


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides a verdict besides the bytes; small enough to travel to every worker.

    Workers load bundles and banks themselves, from their URIs, and compare their digests with `fingerprint`.
    """

    policy: Policy
    bundles: tuple[str, ...]
    engine: str
    precision: str
    fingerprint: Fingerprint
    package: str = PACKAGE  # the launcher's; workers look for what ships in their own

    def _here(self, uri: str) -> str:
        return PACKAGE + uri.removeprefix(self.package) if is_shipped(uri, self.package) else uri

    def load_bundles(self) -> list[Bundle]:
        """Load and verify the bundles. Raises ConfigError if they are not those that the launcher saw."""
        bundles = [bundle for uri in self.bundles for bundle in find_bundles(self._here(uri))]
        if tuple(bundle.id for bundle in bundles) != self.fingerprint.bundles:
            raise ConfigError(
                f"the bundles at {', '.join(self.bundles)} are not those that the job was launched with",
                fix="publish a changed bundle as a new version; versions never change",
            )
        return bundles

    def load_banks(self) -> list[Bank]:
        """Load and verify the banks of known hashes. Raises ConfigError if one is not what the launcher saw."""
        here = (replace(bank, uri=self._here(bank.uri)) for bank in self.policy.banks)
        banks = open_banks(here, self.policy.rules)
        if _banks_digest(banks) != self.fingerprint.banks:
            raise ConfigError("a bank changed after the job was launched", fix="run the job again")
        return banks


def is_shipped(uri: str, package: str = PACKAGE) -> bool:
    """Return whether a path lies in the installed product, so that every worker has it too."""
    return uri.startswith(f"{package}/")


def load_settings(
    policy: str = "",
    bundles: Sequence[str] = (),
    engine: str = "auto",
    precision: str = "auto",
    *,
    here: bool = True,
) -> Settings:
    """Load policy, bundles and banks, and resolve the policy's targets. Raises ConfigError if anything is wrong.

    Empty arguments mean what ships with the product. `here` says that the engine will run on this machine. If it will
    not, only its name is used, and each worker compares its own engine with the fingerprint.
    """
    places = tuple(bundles) or (SHIPPED_BUNDLES,)
    found = [bundle for uri in places for bundle in find_bundles(uri)]
    for bundle in found:
        check_precision(bundle, precision)
    loaded = load_policy(policy or SHIPPED_POLICY, found)
    parts = Fingerprint(
        digest="",
        decoder=decoder_version(loaded.fields),
        engine=make_engine(engine, precision).id if here else engine_id(engine, precision),
        bundles=tuple(bundle.id for bundle in found),
        banks=_banks_digest(open_banks(loaded.banks, loaded.rules)),
        policy=loaded.digest,
    )
    return Settings(loaded, places, engine, precision, _with_digest(parts, loaded.thresholds))


def _with_digest(parts: Fingerprint, thresholds: Sequence[Threshold]) -> Fingerprint:
    whole = {**asdict(parts), "thresholds": [asdict(threshold) for threshold in thresholds]}
    return replace(parts, digest=hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest())


def open_banks(specs: Iterable[BankSpec], rules: Sequence[Rule]) -> list[Bank]:
    """Load all banks. Raises PolicyError, which says what is wrong in each that is not sound or feeds no category."""
    banks, wrong = [], []
    fed = {rule.label for rule in rules}
    for spec in specs:
        try:
            bank = load_bank(spec.uri, spec.id, spec.use, spec.max_distance)
            banks.append(bank)
            kinds = ((LABELS["block"], "hashes", bank.exact or bank.entries), (KNOWN_HOST, "hosts", bank.hosts))
            for label, kind, entries in kinds if spec.use == "block" else ():
                if entries and label not in fed:
                    what = f"bank {spec.id!r} blocks {kind}, but no category has `signal: {label}`"
                    fix = f"add a category with `signal: {label}` and `reject: 1`, or remove them"
                    raise ConfigError(what, file=spec.uri, line=1, fix=fix)
        except ConfigError as error:
            wrong.append(error)
    if wrong:
        raise PolicyError(wrong)
    return banks


def _banks_digest(banks: Sequence[Bank]) -> str:
    lines = sorted(f"{bank.id} {bank.use} {bank.max_distance} {bank.digest}" for bank in banks)
    return hashlib.sha256("\n".join((f"matching {MATCHING}", *lines)).encode()).hexdigest()
