"""The certificate of an HTTPS server."""

import ssl
from pathlib import Path
from typing import NamedTuple, NoReturn

from dlsync.errors import SettingsError

_HINT = (
    "--tls-cert is the certificate with its chain and --tls-key its key, both in PEM and readable to the server's user."
)
_DECRYPT = "Decrypt it, for the server's user alone: (umask 77; openssl pkey -in FILE -out NEW_FILE)"


class Certificate(NamedTuple):
    """The files of a certificate in PEM: with its chain, and its private key."""

    chain: Path
    key: Path


def certificate_of(chain: Path | None, key: Path | None) -> Certificate | None:
    """Return the certificate for two options, or None without them.

    :raises SettingsError: one is missing, a file cannot be read, the key is encrypted or of another certificate.
    """

    def refuse_password() -> NoReturn:  # without it, OpenSSL asks on the terminal
        raise SettingsError(f"{key}: is encrypted", hint=_DECRYPT)

    if not (chain and key):
        if chain or key:
            raise SettingsError("--tls-cert and --tls-key need each other", hint="Give both, or neither for HTTP.")
        return None
    context, file, problem = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), key, "holds no certificate in PEM"
    try:
        key.read_bytes()
        file = chain
        context.load_verify_locations(cadata=chain.read_bytes().decode("ascii", "ignore"))  # other text is a comment
        file, problem = key, f"holds no private key in PEM of the certificate in {chain}"
        context.load_cert_chain(chain, key, refuse_password)
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(f"{file}: {problem}", hint=_HINT) from error
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}", hint=_HINT) from error
    return Certificate(chain, key)
