"""Keeps notes: PUT /notes/NUMBER writes one, GET / shows all."""
import threading
import urllib.request

from flask import Flask, render_template_string, request
from werkzeug.serving import make_server

app = Flask(__name__)
notes = {}


@app.get("/")
def page():
    return render_template_string("{% for n in notes %}<p>{{ n }}</p>\n{% endfor %}", notes=notes.values())


@app.put("/notes/<int:number>")
def put(number):
    notes[number] = request.get_data(as_text=True)
    return "kept\n", 201


def main():
    server = make_server("127.0.0.1", 8000, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    base = "http://127.0.0.1:8000"
    for number in range(3):
        text = f"note {number} & more".encode()
        urllib.request.urlopen(urllib.request.Request(f"{base}/notes/{number}", text, method="PUT")).close()
    with urllib.request.urlopen(base) as answer:
        print(answer.read().decode(), end="")
    server.shutdown()
    thread.join()


main()
