"""A mail server (Debian's python3-aiosmtpd) for tests: says on stdout, one JSON a line, what it took.

Mail to refuse@... is refused at RCPT, with "poison" in its body at DATA, and with "later" for now.
"""
import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

options = json.loads(sys.argv[1])


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("refuse@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if b"poison" in envelope.content:
            return "554 5.6.0 this message is refused"
        if b"later" in envelope.content:
            return "451 4.3.0 try again later"
        tell({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": options["security"] == "tls" or session.ssl is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "content": base64.b64encode(envelope.content).decode(),
        })
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.password.decode() == options["password"]
    # Not handled: the server itself says no.
    return AuthResult(success=good, handled=good, auth_data=data if good else None)


def tell(what):
    print(json.dumps(what), flush=True)


async def main():
    context = None
    if options["cert"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["cert"], options["key"])
    mode = options["security"]
    auth = {"authenticator": authenticate, "auth_required": True} if options["password"] else {}

    def session():
        return SMTP(
            Handler(),
            tls_context=context if mode == "starttls" else None,
            require_starttls=mode == "starttls",
            auth_require_tls=mode == "starttls",
            enable_SMTPUTF8=False,
            **auth,
        )

    server = await asyncio.get_running_loop().create_server(
        session, "127.0.0.1", options["port"], ssl=context if mode == "tls" else None
    )
    tell({"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


asyncio.run(main())
