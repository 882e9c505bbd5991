"""One line for a trouble, however often it is tried; another reason is told too."""
from lib.bench import Bench, ctl, free_port, wait_until

with Bench() as b:
    port = free_port()
    server = b.server("1", "111", port, options=["--retry-max", "300ms"])
    server.wait_for('level=warn.*msg="not registered with the proxy".*why="Connection refused"')
    b.proxy(port=port, options=["--trusted-networks", "10.0.0.0/8"])
    server.wait_for('level=warn.*msg="not registered with the proxy".*why="refused: denied')
    wait_until(lambda: ctl(server.socket, "status")["registration_trouble"].startswith("refused: denied"), "the trouble in the status")
    assert server.output.count('level=warn') == 2, server.output
