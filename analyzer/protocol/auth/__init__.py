"""The authentication plugins, one file each.

PLUGINS is keyed by the name on the wire, which is the client plugin's: server plugins of other names (ed25519, pam,
authentication_ldap_simple) ask for one of these.
"""

from __future__ import annotations

from analyzer.protocol.auth.auth_gssapi_client import AuthGssapiClient
from analyzer.protocol.auth.auth_socket import AuthSocket, UnixSocket
from analyzer.protocol.auth.authentication_fido_client import AuthenticationFidoClient
from analyzer.protocol.auth.authentication_kerberos_client import AuthenticationKerberosClient
from analyzer.protocol.auth.authentication_ldap_sasl_client import AuthenticationLdapSaslClient
from analyzer.protocol.auth.authentication_openid_connect_client import AuthenticationOpenidConnectClient
from analyzer.protocol.auth.authentication_webauthn_client import AuthenticationWebauthnClient
from analyzer.protocol.auth.base import Plugin
from analyzer.protocol.auth.caching_sha2_password import CachingSha2Password
from analyzer.protocol.auth.client_ed25519 import ClientEd25519
from analyzer.protocol.auth.dialog import Dialog
from analyzer.protocol.auth.mysql_clear_password import MysqlClearPassword
from analyzer.protocol.auth.mysql_native_password import MysqlNativePassword
from analyzer.protocol.auth.mysql_old_password import MysqlOldPassword
from analyzer.protocol.auth.parsec import Parsec
from analyzer.protocol.auth.sha256_password import Sha256Password
from analyzer.protocol.auth.unknown import UnknownPlugin

PLUGINS: dict[str, Plugin] = {
    "auth_gssapi_client": AuthGssapiClient(),
    "auth_socket": AuthSocket(),
    "authentication_fido_client": AuthenticationFidoClient(),
    "authentication_kerberos_client": AuthenticationKerberosClient(),
    "authentication_ldap_sasl_client": AuthenticationLdapSaslClient(),
    "authentication_openid_connect_client": AuthenticationOpenidConnectClient(),
    "authentication_webauthn_client": AuthenticationWebauthnClient(),
    "caching_sha2_password": CachingSha2Password(),
    "client_ed25519": ClientEd25519(),
    "dialog": Dialog(),
    "mysql_clear_password": MysqlClearPassword(),
    "mysql_native_password": MysqlNativePassword(),
    "mysql_old_password": MysqlOldPassword(),
    "parsec": Parsec(),
    "sha256_password": Sha256Password(),
    "unix_socket": UnixSocket(),
}


def plugin(name: str | None) -> Plugin:
    """The plugin of that name; one that shows opaque steps where it is not known."""
    found = PLUGINS.get(name or "")
    return UnknownPlugin(name or "") if found is None else found
