"""Keys of all kinds, and what they sign, as programs of the inferlets service do it. The vector is the protocol's."""

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
CHALLENGE = bytes(range(48))
SIGNATURE = base64.b64decode("qVr47gqJleGdJeI7GBlFiHrMyP2KEllB02dwuV943zMG+/VZvqTlJz1lVUwC5s3NbpqJ3HBu2psYicW/vi70Aw==")

ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())


def line_of(private):
    return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def pem_of(private, form=PublicFormat.SubjectPublicKeyInfo):
    return private.public_key().public_bytes(Encoding.PEM, form).decode()


def sign(private, data=CHALLENGE):
    match private:
        case ed25519.Ed25519PrivateKey():
            return private.sign(data)
        case rsa.RSAPrivateKey():
            return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        case _:
            digest = hashes.SHA256() if private.curve.key_size == 256 else hashes.SHA384()
            return private.sign(data, ec.ECDSA(digest))
