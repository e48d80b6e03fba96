# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Threads, json, a child process, a status.
python3 -c '
import hashlib, json, subprocess, sys, threading
done = []
def work(n):
    done.append(sum(len(json.dumps({"k": list(range(i))})) for i in range(n)))
threads = [threading.Thread(target=work, args=(200,)) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(done), len(set(done)))
print(subprocess.run(["echo", "child"], capture_output=True).stdout)
print(hashlib.sha256(b"x" * 100000).hexdigest())
sys.exit(5)'
echo "status $?"
