"""Keeps notes: PUT /notes/NUMBER writes one, GET / shows all."""
import signal
import sys
import threading

from flask import Flask, render_template_string, request
from werkzeug.serving import make_server

app = Flask(__name__)
notes = {}
lock = threading.Lock()


@app.get("/")
def page():
    with lock:
        texts = [notes[number] for number in sorted(notes)]
    return render_template_string("{% for text in notes %}<p>{{ text }}</p>\n{% endfor %}", notes=texts)


@app.put("/notes/<int:number>")
def put(number):
    with lock:
        notes[number] = request.get_data(as_text=True)
    return "kept\n", 201


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
make_server("0.0.0.0", 8000, app, threaded=True).serve_forever()
