"""switchio's Proxier: joins each call that is parked with where it wanted to go."""

from freeswitch import apps


class Proxier:
    @apps.coroutine("CHANNEL_PARK")
    async def on_park(self, sess: apps.Session) -> None:
        if sess.is_inbound():
            # A channel variable can name another destination, `user/1000` say.
            to = sess.get("variable_proxy_to", "${sip_req_user}@${sip_req_host}:${sip_req_port}")
            sess.bridge(dest_url=to)
            await sess.recv("CHANNEL_ANSWER")
            sess.log.info("%s was answered", to)


def runtime(args: str) -> None:
    apps.load(Proxier, app_id=args or "default")
