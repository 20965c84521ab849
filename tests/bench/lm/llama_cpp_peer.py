#!/usr/bin/env python3
"""llama.cpp outside the browser, in a process of its own: llama_cpp_peer.py MODEL.gguf TASK_FILE OUT_FILE THREADS"""
import json
import resource
import sys
import time

import numpy as np
from llama_cpp import Llama, llama_get_logits_ith

model_file, task_file, out_file, threads = sys.argv[1:]
task = json.load(open(task_file))
begin = time.perf_counter()
model = Llama(model_path=model_file, n_ctx=2048, n_batch=512, n_threads=int(threads), n_threads_batch=int(threads), verbose=False)
load_ms = 1000 * (time.perf_counter() - begin)


def continued(continuation):
    model.reset()
    ids, at_ms, following = [], [], continuation["prompt_ids"]
    begin = time.perf_counter()
    while True:
        model.eval(following)
        logits = llama_get_logits_ith(model._ctx.ctx, -1)
        ids.append(int(np.argmax(np.ctypeslib.as_array(logits, shape=(model.n_vocab(),)))))
        at_ms.append(1000 * (time.perf_counter() - begin))
        if len(ids) == continuation["new_tokens"]:
            return dict(ids=ids, at_ms=at_ms)
        following = ids[-1:]


continued(task["warm"])
timed = [continued(continuation) for continuation in task["timed"]]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
json.dump(dict(load_ms=load_ms, timed=timed, peak_memory=peak), open(out_file, "w"))
