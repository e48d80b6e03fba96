# SPDX-License-Identifier: MIT
# list_server.py PORT keep|drop: a web server that remembers what it was asked,
# or does not. More than 512 bytes each, as Python has its own memory for less.
import http.server
import sys

remembered = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = bytes(2000)
        if sys.argv[2] == "keep":
            remembered.append(page)
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *arguments):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
