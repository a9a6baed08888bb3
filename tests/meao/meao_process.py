"""A real sluice-meao on loopback, and how to speak to it."""

import hashlib
import os
import textwrap
import time

from service_process import ServiceProcess, built

PROGRAM = built("meao/sluice-meao")
API = "/app_pkgm/v1"


class Meao(ServiceProcess):
    def __init__(self, directory, trusted, more="", packages="", program=PROGRAM,
                 trusted_proxies=()):
        super().__init__("meao", directory, [program], textwrap.dedent(f"""\
            packages:
              trusted_certificates: {trusted}
              fetch: {{allow: [127.0.0.0/8]}}
            """) + textwrap.indent(packages, "  ") + more, trusted_proxies)
        self._operator = None

    def content_files(self):
        return sorted(os.listdir(os.path.join(self.state, "packages")))

    def request(self, method, path, body=None, token="operator", headers=None, raw=False):
        """As ServiceProcess', by the operator unless there is another token, or None."""
        if token == "operator":
            self._operator = self._operator or self.operator_token()
            token = self._operator
        return super().request(method, path, body, token, headers, raw)

    def create(self, octets, collection="app_packages", **more):
        """Returns the AppPkgInfo of a package that will have this content."""
        status, headers, body = self.request("POST", f"{API}/{collection}", {
            "appPkgName": "app", "appPkgVersion": "1.0",
            "checksum": {"algorithm": "SHA-256", "hash": hashlib.sha256(octets).hexdigest()},
            **more})
        assert status == 201, body
        assert headers["Location"] == body["_links"]["self"]["href"]
        return body

    def put(self, package_id, octets, collection="app_packages", **headers):
        return self.request("PUT", f"{API}/{collection}/{package_id}/package_content", octets,
                            headers={"Content-Type": "application/zip", **headers})

    def info(self, package_id, collection="app_packages"):
        status, _, body = self.request("GET", f"{API}/{collection}/{package_id}")
        assert status == 200, body
        return body

    def settled(self, package_id):
        """The AppPkgInfo when nothing is being done with the package any more."""
        deadline = time.monotonic() + 60
        while True:
            body = self.info(package_id)
            if body["onboardingState"] == "ONBOARDED" or "onboardingFailureDetails" in body:
                return body
            assert time.monotonic() < deadline, (body, self.log())
            time.sleep(0.02)

    def onboard(self, octets):
        """Returns the AppPkgInfo in the end, whichever it is."""
        package = self.create(octets)
        status, _, body = self.put(package["id"], octets)
        assert status == 202, body
        return self.settled(package["id"])
