"""A browser with one cookie jar, at an ASGI application or at an address."""

import httpx

ORIGIN = "https://app.test"
NAME = "__Host-session"


class Browser:
    """Keeps cookies by name, as a browser does for one host, and says where its requests come from."""

    def __init__(self, app=None, base_url=ORIGIN, raises=True) -> None:
        peer = ("203.0.113.7", 5000)
        transport = httpx.ASGITransport(app, raises, client=peer) if app else None
        self._http = httpx.AsyncClient(transport=transport, base_url=base_url, trust_env=False)
        self.cookies: dict[str, str] = {}

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self._http.aclose()

    @property
    def session(self):
        return self.cookies.get(NAME)

    async def send(self, method, path, *, headers=(), **options):
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = [("Sec-Fetch-Site", "same-origin"), ("User-Agent", "Firefox"), *headers]
        if cookies:
            sent.append(("Cookie", cookies))
        answer = await self._http.request(method, path, headers=sent, **options)
        self._keep(answer)
        return answer

    def _keep(self, answer) -> None:
        for line in answer.headers.get_list("set-cookie"):
            pair, *attributes = line.split("; ")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    async def get(self, path, **options):
        return await self.send("GET", path, **options)

    async def post(self, path, **options):
        return await self.send("POST", path, **options)
