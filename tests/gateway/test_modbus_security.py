"""Modbus Security through the gateway: TLS with certificates on both sides, and a role that says what it may do."""

from pathlib import Path

from tests.broker import mosquitto
from tests.certificates import certificate
from tests.gateway.live import bench, listener, running

ROLES = {"Viewer": "read", "Keeper": "write"}


async def test_the_gateways_role_decides_what_the_meter_lets_it_do(tmp_path: Path) -> None:
    server = certificate(tmp_path, "server")
    clients = {name: certificate(tmp_path, name, name) for name in ("Viewer", "Keeper", "Gardener")}
    stranger = certificate(tmp_path, "stranger", "Keeper")
    authority = tmp_path / "clients.pem"
    authority.write_bytes(b"".join(public.read_bytes() for public, _ in clients.values()))
    listen = f"modbus+tls://127.0.0.1:0?unit=1&certificate={server[0]}&private_key={server[1]}&authority={authority}"

    with mosquitto(tmp_path) as broker:
        async with bench({"id": "EA0001", "model": "dds238", "listen": [listen]}, roles=ROLES) as urls:
            [url] = urls["EA0001"]
            assert url.endswith(f"?authority={authority}&unit=1"), "how to reach it, without the meter's own key"
            dialled = url.replace(str(authority), str(server[0]))
            meters = [
                {
                    "id": name,
                    "url": f"{dialled}&certificate={public}&private_key={private}",
                    "model": "dds238",
                    "read": {"instantaneous": "300ms"},
                    "observe_after": "50ms",
                }
                for name, (public, private) in {**clients, "Stranger": stranger}.items()
            ]
            async with listener(broker.url) as ear, running(tmp_path, broker.url, meters):
                for name in ("Viewer", "Keeper"):
                    reading = await ear.first(f"{name}/reading/instantaneous")
                    values = {each["name"]: each["value"] for each in reading["rows"][0]["values"]}
                    assert values["voltage"] == "230.0"
                refused = await ear.first("Gardener/reading/instantaneous")
                assert "illegal function" in str(refused["rows"])
                await ear.first("Stranger/status", status="offline")

                ear.send("Viewer", "disconnect", "v", cause="maintenance")
                failed = await ear.first("Viewer/result", id="v", final=True)
                assert failed["rung"] == "failed"
                assert failed["reason"].startswith("illegal function")
                ear.send("Keeper", "disconnect", "k", cause="maintenance")
                assert (await ear.first("Keeper/result", id="k", final=True))["rung"] == "observed"
                await ear.until(lambda: not ear.payloads("Viewer/relay")[-1]["output_state"])
