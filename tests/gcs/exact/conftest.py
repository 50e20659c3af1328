"""A server of their own for the tests of the server, and a caller that hides nothing of what it says."""

from __future__ import annotations

import itertools
import urllib.parse
from dataclasses import dataclass

import pytest
import requests

from tests.gcs.client import GcsServer

DATA = b"0123456789"
NAMES = itertools.count()


@dataclass
class Caller:
    """Plain HTTP, so that no client library hides what the server says."""

    url: str
    bucket: str

    def json(self, method, name, *, to="", **query):
        path = f"{self.url}/storage/v1/b/{self.bucket}/o/{urllib.parse.quote(name, safe='')}{to}"
        return requests.request(method, path, params=query, json={} if method in {"PATCH", "POST"} else None)

    def insert(self, name, data=DATA, **query):
        path = f"{self.url}/upload/storage/v1/b/{self.bucket}/o"
        return requests.post(path, data, params={"uploadType": "media", "name": name, **query})

    def copy(self, how, name, target, **query):
        to = f"/{how}/b/{self.bucket}/o/{urllib.parse.quote(target, safe='')}"
        return self.json("POST", name, to=to, **query)

    def xml(self, method, name="", data=None, query=None, **headers):
        path = f"{self.url}/{self.bucket}/{urllib.parse.quote(name, safe='')}".rstrip("/")
        return requests.request(method, path, data=data, params=query, headers=headers)

    def listed(self, **query):
        return requests.get(f"{self.url}/storage/v1/b/{self.bucket}/o", params=query).json()

    def generation(self, name):
        reply = self.json("GET", name)
        return int(reply.json()["generation"]) if reply.ok else 0


@pytest.fixture(scope="session")
def own_server():
    with GcsServer() as server:
        yield server


@pytest.fixture
def gcs(own_server):
    own_server.clear()
    return Caller(own_server.url, own_server.create_bucket(f"bucket-{next(NAMES)}"))
