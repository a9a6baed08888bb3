"""What has to be there before an operation on app packages can succeed."""

import hashlib
import itertools
import json
import pathlib

import documents
from csar import Package
from world import CALLBACK, App

MIB = 1 << 20
PACKAGE_LIMITS = f"max_bytes: {MIB}\n"
MEAO_LIMITS = "limits: {requests_per_s: 0, body_bytes: 262144, page_size: 3, subscriptions_per_client: 10000}\n"
SUBSCRIPTION = {"callbackUri": CALLBACK, "subscriptionType": "AppPackageChangeSubscription",
                "appPkgFilter": [{"appDId": "app", "operationalState": "ENABLED"}]}


def load_packages(build):
    """The operations of our document."""
    return list(documents.Document(pathlib.Path(build, "api-specs/meao/app_pkgm.yaml")).operations())


class PackageWorld:
    def __init__(self, meao, signer, operations):
        self.meao = meao
        self.operations = {(o.method, o.path): o for o in operations}
        self.operator = App("operator", meao.operator_token(), {"app_pkgm"})
        self.main_app = self.operator  # whose requests are tried: there is one kind of client
        self.other_app = None
        self._signer = signer
        self._numbers = itertools.count(1)
        self._onboarded = None

    def new_app(self):
        return None  # of what is changed there is one for each test

    def renew(self):
        """Everything that there was, anew."""
        self._onboarded = None

    def close(self):
        pass

    def package(self):
        name = f"app-{next(self._numbers)}"
        return name, Package(self._signer, name).build()

    def onboarded(self, keep):
        """(id, appDId) of a package; where it is only read, always the same."""
        if keep and self._onboarded:
            return self._onboarded
        name, octets = self.package()
        made = self.meao.onboard(octets)
        assert made["onboardingState"] == "ONBOARDED", made
        if keep:
            self._onboarded = made["id"], name
        return made["id"], name

    def prepare(self, operation, app):
        body = self.body(operation)
        path = operation.path
        if path.endswith("/package_content") and operation.method == "PUT":
            _, body = self.package()
            made = self.meao.create(body)
            path = path.replace("{appPkgId}", made["id"]).replace("{appDId}", made["id"])
        elif "{subscriptionId}" in path:
            status, _, made = self.meao.request("POST", "/app_pkgm/v1/subscriptions", SUBSCRIPTION)
            assert status == 201, made
            path = path.replace("{subscriptionId}", made["id"])
        elif "{" in path:
            package_id, name = self.onboarded(keep=app is self.main_app)
            path = path.replace("{appPkgId}", package_id).replace("{appDId}", name)
        return path, body, self.operator.token

    @staticmethod
    def body(operation):
        if operation.method == "PATCH":
            older = operation.path.startswith("/app_pkgm/v1/app_packages")
            return {"operationState" if older else "operationalState": "DISABLED"}
        if operation.method != "POST":
            return None
        if operation.path.endswith("/subscriptions"):
            return json.loads(json.dumps(SUBSCRIPTION))
        return {"appPkgName": "app", "appPkgVersion": "1.0", "appProvider": "Sluice",
                "userDefinedData": {"a": 1},
                "checksum": {"algorithm": "SHA-256", "hash": hashlib.sha256(b"x").hexdigest()}}
