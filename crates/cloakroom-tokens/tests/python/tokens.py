"""Reads our access tokens with PyJWT and our published keys, and signs some with private keys."""

import json
import sys

import jwt

given = json.load(sys.stdin)
expected = {"audience": given["audience"], "issuer": given["issuer"]}
keys = jwt.PyJWKSet.from_dict(given["jwks"])


def read(token):
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "at+jwt", header
    key = keys[header["kid"]]
    return jwt.decode(token, key, algorithms=[key.algorithm_name], **expected)


def sign(key):
    headers = {"kid": key["kid"], "typ": "at+jwt"}
    key = jwt.PyJWK.from_dict(key)
    return jwt.encode(given["claims"], key, algorithm=key.algorithm_name, headers=headers)


answer = {"read": [read(token) for token in given["tokens"]]}
answer["signed"] = [sign(key) for key in given["private"]]
json.dump(answer, sys.stdout)
