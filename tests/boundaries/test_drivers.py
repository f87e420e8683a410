"""Files that would make GDAL read something else: other files of the server, addresses. And that real files still open."""

import http.server
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyogrio
import pyogrio.raw
import pytest
import shapely

from boundaries.importing import drivers
from boundaries.importing.opening import open_source
from boundaries.importing.report import ImportFileError
from tests.boundaries.files import WGS84_PRJ, dbf, geojson, shapefile_zip, shp

SECRET = "name,word\nroot,swordfish\n"
VRT = "<OGRVRTDataSource><OGRVRTLayer name='{name}'><SrcDataSource>{source}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
LINKED = (
    '{{"type": "FeatureCollection", "crs": {{"type": "link", "properties": {{"href": "{url}/crs", "type": "ogcwkt"}}}},'
    ' "features": [{{"type": "Feature", "properties": {{"a": 1}},'
    ' "geometry": {{"type": "Point", "coordinates": [103.8, 30.7]}}}}]}}'
)
GML = """<?xml version="1.0"?>
<ogr:FeatureCollection xmlns:ogr="http://ogr.maptools.org/" xmlns:gml="http://www.opengis.net/gml"
 xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://ogr.maptools.org/ {url}/schema.xsd">
<gml:featureMember><ogr:x fid="x.0"><ogr:more xlink:href="{url}/more.gml"/><ogr:a>1</ogr:a>
<ogr:place><gml:Point srsName="EPSG:4326"><gml:coordinates>30.7,103.8</gml:coordinates></gml:Point></ogr:place>
</ogr:x></gml:featureMember></ogr:FeatureCollection>"""
KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><NetworkLink><Link><href>{url}/more.kml</href></Link></NetworkLink>
<Placemark><name>依云镇</name><Point><coordinates>103.8,30.7</coordinates></Point></Placemark></Document></kml>"""
OSM = """<osm version="0.6"><node id="1" lat="30.7" lon="103.8" version="1"><tag k="name" v="依云镇"/></node></osm>"""
ENTITY = """<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY e SYSTEM "file://{secret}">]>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>A&e;B</name>
<Point><coordinates>103.8,30.7</coordinates></Point></Placemark></Document></kml>"""


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and the paths that it was asked for."""
    paths: list[str] = []

    class Note(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "FeatureCollection", "features": []}')

        do_HEAD = do_GET  # noqa: N815  (the name that http.server looks for)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Note)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", paths
    server.shutdown()
    server.server_close()
    thread.join()


def _shown(path: Path) -> str:
    """All that the page would show of a file, or why it shows none."""
    try:
        with open_source(path, needs_crs=False) as source:
            cells = [
                batch.text(name, index)
                for batch in source.batches()
                for name in source.fields
                for index in range(len(batch.rows))
            ]
            return " ".join([*source.fields, *cells])
    except ImportFileError as error:
        return f"refused: {error}"


@pytest.mark.parametrize("packed", [False, True], ids=["bare", "zip"])
@pytest.mark.parametrize(
    ("name", "content", "refused"),
    [
        ("vrt.geojson", VRT.format(name="secret", source="CSV:{secret}"), True),
        ("vrt.kml", VRT.format(name="secret", source="{secret}"), True),
        ("curl.gml", VRT.format(name="x", source="/vsicurl/{url}/x.geojson"), True),
        ("curl.json", VRT.format(name="x", source="/vsicurl_streaming/{url}/x.geojson"), True),
        (
            "steps.json",
            '{{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read {secret} ! write --of stream x"}}',
            True,
        ),
        ("wfs.gml", "<OGRWFSDataSource><URL>{url}/wfs</URL></OGRWFSDataSource>", True),
        ("linked.geojson", LINKED, False),
        ("linked.gml", GML, False),
        ("linked.kml", KML, False),
        ("entity.kml", ENTITY, None),
    ],
)
def test_a_file_reaches_nothing_but_itself(
    tmp_path: Path,
    asked: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: str,
    refused: bool | None,
    packed: bool,
) -> None:
    url, paths = asked
    # The exceptions that an office's proxy often has must not open a way.
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    secret = tmp_path / "elsewhere" / "secret.csv"
    secret.parent.mkdir()
    secret.write_text(SECRET)
    path = tmp_path / name
    path.write_text(content.format(secret=secret, url=url), encoding="utf-8")
    if packed:
        with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
            archive.write(path, name)
        path = tmp_path / "packed.zip"
    shown = _shown(path)
    assert "swordfish" not in shown
    assert paths == []
    if refused is not None:
        assert shown.startswith("refused") == refused, shown


def test_files_of_every_kind_still_open(tmp_path: Path) -> None:
    square = shapely.box(103.83, 30.70, 103.84, 30.71)
    plain = geojson(tmp_path / "a.geojson", [(square, {"name": "依云镇"})])
    lines = tmp_path / "b.geojsonl"
    feature = '{"type": "Feature", "properties": {"name": "依云镇"}, "geometry": {"type": "Point", "coordinates": [103.8, 30.7]}}'
    lines.write_text(f"{feature}\n{feature}\n", encoding="utf-8")
    files = {"GeoJSON": plain, "GeoJSONSeq": lines}
    for driver, ending in (("GPKG", "gpkg"), ("FlatGeobuf", "fgb"), ("GML", "gml")):
        files[driver] = tmp_path / f"c.{ending}"
        pyogrio.raw.write(
            files[driver], np.array(shapely.to_wkb([square]), dtype=object), [np.array(["依云镇"], dtype=object)],
            ["name"], layer="a", driver=driver,
            geometry_type="Polygon", crs="EPSG:4326",
        )  # fmt: skip
    files["ESRI Shapefile"] = shapefile_zip(
        tmp_path / "d.zip",
        {
            "shp": shp([(103.83, 30.70, 103.84, 30.71)]),
            "dbf": dbf([b"name"], [["依云镇".encode()]]),
            "prj": WGS84_PRJ,
        },
    )
    for driver, content, ending in (("LIBKML", KML, "kml"), ("OSM", OSM, "osm")):
        files[driver] = tmp_path / f"e.{ending}"
        files[driver].write_text(content.format(url="http://127.0.0.1:9"), encoding="utf-8")
    for driver, path in files.items():
        with open_source(path, needs_crs=False) as source:
            assert source.driver == driver
            assert any("依云镇" in batch.columns["name" if "name" in batch.columns else "Name"]
                       for batch in source.batches())  # fmt: skip


def test_the_formats_are_those_and_no_others() -> None:
    assert set(pyogrio.list_drivers()) == drivers.DRIVERS


def test_it_does_not_start_where_pyogrio_was_loaded_before() -> None:
    code = "import pyogrio, django; from django.conf import settings; import boundaries.importing.opening"
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "OGR_VRT" in run.stderr
    assert "ImproperlyConfigured" in run.stderr
