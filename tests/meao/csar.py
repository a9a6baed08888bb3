"""App packages made by Python's zipfile and the openssl command, good and bad ones."""

import importlib.machinery
import importlib.util
import io
import pathlib
import subprocess
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
_loader = importlib.machinery.SourceFileLoader("build_package", str(ROOT / "examples/build-package"))
builder = importlib.util.module_from_spec(
    importlib.util.spec_from_loader("build_package", _loader))
_loader.exec_module(builder)

META = builder.META
DESCRIPTOR = "Definitions/app.yaml"
IMAGE = "Artifacts/image.tar"
MANIFEST = "app.mf"
METADATA = {"app_product_name": "app", "app_provider_id": "Sluice", "app_package_version": "1.0",
            "app_release_date_time": "2026-01-01T00:00:00Z"}

META_TEXT = f"""TOSCA-Meta-File-Version: 1.0
CSAR-Version: 1.1
Created-By: Sluice
Entry-Definitions: {DESCRIPTOR}
ETSI-Entry-Manifest: {MANIFEST}
"""

APPD = """tosca_definitions_version: tosca_simple_yaml_1_3
metadata: {template_name: app, template_author: Sluice, template_version: "1.0"}
topology_template:
  node_templates:
    app:
      type: tosca.nodes.mec.AppD
      properties:
        appDId: APPDID
        appName: app
        appProvider: Sluice
        appSoftVersion: "1.10"
        appDVersion: "1.0"
        mecVersion: ["2.1.1, 3.1.1"]
        appDescription: An app
        swImageDescriptor:
          - {id: image, name: app, version: "1.0", containerFormat: OCI, swImage: Artifacts/image.tar}
        osContainerDescriptor:
          - {osContainerDescId: c, name: c, description: c, swImageDesc: image, cpuResourceLimit: 100}
        appTrafficRule:
          - trafficRuleId: rule
            filterType: FLOW
            priority: 10
            trafficFilter: [{dstAddress: [198.51.100.20], dstPort: ["80"], protocol: [TCP]}]
            action: FORWARD_DECAPSULATED
            dstInterface: {interfaceType: IP, dstIPAddress: 10.9.0.20}
"""


class Signer:
    """A key and a certificate that signs itself."""

    def __init__(self, folder, name):
        self._stem = str(pathlib.Path(folder, name.replace(" ", "-")))
        builder.new_key(self._stem, name)
        self.certificate = self._stem + ".pem"
        self.key = self._stem + ".key"

    def sign(self, content, **more):
        return builder.sign(content, self.key, self.certificate, **more)

    def openssl(self, *arguments, content=None):
        return subprocess.run(["openssl", *arguments], input=content, check=True,
                              capture_output=True).stdout


class Package:
    """The files of a package; change them, then build() it."""

    def __init__(self, signer, appd_id="app-1", appd=APPD, image=b"an image"):
        self.signer = signer
        self.appd = appd.replace("APPDID", appd_id)
        self.files = {META: META_TEXT.encode(), DESCRIPTOR: self.appd.encode(), IMAGE: image}
        self.manifest_name = MANIFEST
        self.unlisted = {}  # in the archive and not in the manifest
        self.edit_manifest = lambda text: text  # before it is signed
        self.edit_signed = lambda text: text  # afterwards
        self.signed = True
        self.add_raw = lambda archive: None  # whatever else is to be in the archive

    def manifest(self):
        text = self.edit_manifest(builder.manifest_of(self.files, METADATA))
        if self.signed:
            text += self.signer.sign(text)
        return self.edit_signed(text)

    def build(self):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {**self.files, **self.unlisted}.items():
                archive.writestr(name, content)
            archive.writestr(self.manifest_name, self.manifest())
            self.add_raw(archive)
        return out.getvalue()

    def outer(self, inner=None, **more):
        """SOL004's second option: the package beside its signature."""
        inner = self.build() if inner is None else inner
        return builder.zip_of({"app.csar": inner, "app.cms": self.signer.sign(inner, **more)})

    def without_meta(self):
        """SOL004 §4.1.3: one YAML file in the root, and no TOSCA-Metadata."""
        del self.files[META]
        self.files = {"app.yaml": self.files.pop(DESCRIPTOR), **self.files}
        return self
