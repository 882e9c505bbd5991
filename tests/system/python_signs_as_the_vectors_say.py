"""The keys and MACs of the Python library are those of the file that the unit tests of C read too."""
import json
from lib.job_options import ROOT
from lib.python_client import policypool as pp

with open(f"{ROOT}/tests/vectors/registration-mac.json") as f:
    vectors = json.load(f)
for v in vectors["server_keys"]:
    assert pp.server_key(bytes.fromhex(v["secret"]), v["keyid"], v["id"]).hex() == v["key"], v
for v in vectors["registrations"]:
    assert pp.registration_mac(bytes.fromhex(v["key"]), v["cluster"], v["packet"], v["nonce"]) == v["mac"], v["name"]
for v in vectors["acknowledgements"]:
    assert pp.acknowledgement_mac(bytes.fromhex(v["key"]), v["request"], v["verb"], v["nonce"]) == v["mac"], v
for v in vectors["proxies"]:
    assert pp.proxies_mac(bytes.fromhex(v["key"]), v["request"], v["proxies"]) == v["mac"], v
assert all(vectors.values())
