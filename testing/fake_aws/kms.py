"""KMS in memory: a data key is unwrapped only for the encryption context that it was made for."""

from __future__ import annotations

import secrets

from testing.fake_aws.service import Answer, FakeService, NotSupported, Request, RequestRefused, operation


class FakeKms(FakeService):
    """One key, whatever its id."""

    def __init__(self) -> None:
        super().__init__(
            {
                "GenerateDataKey": operation(self._generate, "KeyId KeySpec EncryptionContext"),
                "Decrypt": operation(self._decrypt, "KeyId CiphertextBlob EncryptionContext"),
            }
        )
        self._made: dict[bytes, tuple[bytes, dict[str, str]]] = {}

    def _generate(self, request: Request) -> Answer:
        if request["KeySpec"] != "AES_256":
            raise NotSupported(f"a key of {request['KeySpec']}")
        wrapped, plain = secrets.token_bytes(184), secrets.token_bytes(32)
        self._made[wrapped] = plain, dict(request["EncryptionContext"])
        return {"CiphertextBlob": wrapped, "Plaintext": plain, "KeyId": request["KeyId"]}

    def _decrypt(self, request: Request) -> Answer:
        plain, context = self._made.get(request["CiphertextBlob"], (b"", {}))
        if not plain or context != request["EncryptionContext"]:
            raise RequestRefused("InvalidCiphertextException")
        return {"Plaintext": plain, "KeyId": request["KeyId"]}
