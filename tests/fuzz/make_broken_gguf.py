#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes one small valid model, many broken ones and some odd but legal ones.

    make_broken_gguf.py OUT

OUT/manifest.json lists them: {"file", "stage", "says"}.
  stage "load"    opening must fail with a sentence containing `says`
  stage "logits"  it opens, and evaluating a few tokens must fail with `says`
  stage "legal"   it opens, and a few tokens give logits

The model is a complete deepseek4 model of three layers (hash routed without compression, ratio 4,
another ratio) with weights of noise, about 100 KB. To add a kind of damage, add a function under
`broken` or `legal` below. Only the standard library is needed; the output is the same every time.
"""

import copy
import json
import os
import random
import struct
import sys

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACK = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?",
        U64: "<Q", I64: "<q", F64: "<d"}

TYPE_F32, TYPE_F16, TYPE_Q8_0, TYPE_Q2_K, TYPE_Q4_K, TYPE_IQ2_XXS, TYPE_I32, TYPE_BF16 = (
    0, 1, 8, 10, 12, 16, 26, 30)
BLOCKS = {TYPE_F32: (1, 4), TYPE_F16: (1, 2), TYPE_Q8_0: (32, 34), TYPE_Q2_K: (256, 84),
          TYPE_Q4_K: (256, 144), TYPE_IQ2_XXS: (256, 66), TYPE_I32: (1, 4), TYPE_BF16: (1, 2)}

NAN = struct.unpack("<f", b"\x00\x00\xc0\x7f")[0]
INF = float("inf")

# The names of model spec section 0.
E, F, H, D, R, G = 32, 32, 2, 96, 32, 2
LQ, LO, N, K, C, SI = 32, 32, 3, 2, 2, 4
IH, ID, TK, WINDOW = 2, 32, 2, 8
RATIOS = [0, 4, 8]
MIX = 2 * C + C * C

CONTROL = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>",
           "<think>", "</think>", "｜DSML｜"]


def byte_alphabet():
    """The printable spelling of every byte in a byte-level vocabulary."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    extra = iter(range(0x100, 0x100 + 68))
    return [chr(b) if b in own else chr(next(extra)) for b in range(256)]


TOKENS = CONTROL + byte_alphabet() + ["ab"]
V = len(TOKENS)


def encode_string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def encode_array(element_type, values, count=None):
    head = struct.pack("<IQ", element_type, len(values) if count is None else count)
    if element_type == STRING:
        return head + b"".join(encode_string(v) for v in values)
    return head + b"".join(struct.pack(PACK[element_type], v) for v in values)


class Tensor:
    def __init__(self, name, type_id, dims, data):
        self.name, self.type_id, self.dims, self.data = name, type_id, list(dims), bytearray(data)
        self.offset = None      # a number instead of where the data is placed
        self.share = None       # name of the tensor whose offset this one takes


class Model:
    """Metadata and tensors in file order; every field can be set wrong before build()."""

    def __init__(self):
        self.magic, self.version = b"GGUF", 3
        self.alignment = 32
        self.metadata = []       # [key, type, encoded value]
        self.tensors = []
        self.tensor_count = self.metadata_count = None

    def put(self, key, type_id, value):
        """Adds a key or replaces the first one of that name."""
        encoded = (encode_string(value) if type_id == STRING else
                   value if type_id not in PACK else struct.pack(PACK[type_id], value))
        for entry in self.metadata:
            if entry[0] == key:
                entry[1:] = [type_id, encoded]
                return
        self.metadata.append([key, type_id, encoded])

    def drop(self, key):
        self.metadata = [entry for entry in self.metadata if entry[0] != key]

    def tensor(self, name):
        return next(t for t in self.tensors if t.name == name)

    def drop_tensor(self, name):
        self.tensors = [t for t in self.tensors if t.name != name]

    def head(self):
        """Everything in front of the tensor data, and the data's offsets."""
        offsets, end = {}, 0
        for t in self.tensors:
            if t.offset is None and t.share is None:
                offsets.setdefault(t.name, end)
                end += -(-len(t.data) // self.alignment) * self.alignment
        out = self.magic + struct.pack(
            "<IQQ", self.version,
            len(self.tensors) if self.tensor_count is None else self.tensor_count,
            len(self.metadata) if self.metadata_count is None else self.metadata_count)
        for key, type_id, value in self.metadata:
            out += encode_string(key) + struct.pack("<I", type_id) + value
        for t in self.tensors:
            offset = t.offset if t.offset is not None else offsets[t.share or t.name]
            out += encode_string(t.name) + struct.pack("<I", len(t.dims))
            out += b"".join(struct.pack("<Q", d % 2**64) for d in t.dims)
            out += struct.pack("<IQ", t.type_id, offset)
        return out

    def build(self):
        out = bytearray(self.head())
        placed = set()
        for t in self.tensors:
            out += bytes(-len(out) % self.alignment)
            if t.offset is None and t.share is None and t.name not in placed:
                placed.add(t.name)
                out += t.data
        return bytes(out) + bytes(-len(out) % self.alignment)


def noise(rng, type_id, dims):
    """Weights of a type, small enough that activations stay tame."""
    count = 1
    for d in dims:
        count *= d
    if type_id == TYPE_F32:
        return b"".join(struct.pack("<f", rng.uniform(0.5, 1.5)) for _ in range(count))
    if type_id == TYPE_F16:
        return b"".join(struct.pack("<e", rng.uniform(-0.2, 0.2)) for _ in range(count))
    if type_id == TYPE_I32:
        return b"".join(struct.pack("<i", (i // K + i % K) % N) for i in range(count))
    assert type_id == TYPE_Q8_0 and dims[0] % 32 == 0
    scale = struct.pack("<e", 0.002)
    return b"".join(scale + rng.randbytes(32) for _ in range(count // 32))


def small_model():
    m = Model()
    m.put("general.architecture", STRING, "deepseek4")
    m.put("general.name", STRING, "three layers of noise")
    for key, value in [
            ("block_count", len(RATIOS)), ("embedding_length", E), ("vocab_size", V),
            ("attention.head_count", H), ("attention.head_count_kv", 1),
            ("attention.key_length", D), ("attention.value_length", D),
            ("rope.dimension_count", R), ("attention.q_lora_rank", LQ),
            ("attention.output_lora_rank", LO), ("attention.output_group_count", G),
            ("expert_count", N), ("expert_used_count", K), ("expert_feed_forward_length", F),
            ("expert_shared_count", 1), ("hash_layer_count", 1),
            ("attention.sliding_window", WINDOW), ("attention.indexer.head_count", IH),
            ("attention.indexer.key_length", ID), ("attention.indexer.top_k", TK),
            ("hyper_connection.count", C), ("hyper_connection.sinkhorn_iterations", SI)]:
        m.put("deepseek4." + key, U32, value)
    m.put("deepseek4.rope.scaling.original_context_length", U64, 64)
    m.put("deepseek4.context_length", U32, 4096)
    for key, value in [
            ("hyper_connection.epsilon", 1e-6), ("attention.layer_norm_rms_epsilon", 1e-6),
            ("rope.freq_base", 10000), ("rope.scaling.factor", 16),
            ("rope.scaling.yarn_beta_fast", 32), ("rope.scaling.yarn_beta_slow", 1),
            ("attention.compress_rope_freq_base", 160000), ("expert_weights_scale", 1.5)]:
        m.put("deepseek4." + key, F32, value)
    m.put("deepseek4.expert_weights_norm", BOOL, True)
    m.put("deepseek4.attention.compress_ratios", ARRAY, encode_array(I32, RATIOS))
    m.put("deepseek4.swiglu_clamp_exp", ARRAY, encode_array(F32, [10.0] * len(RATIOS)))
    m.put("tokenizer.ggml.model", STRING, "gpt2")
    m.put("tokenizer.ggml.tokens", ARRAY, encode_array(STRING, TOKENS))
    m.put("tokenizer.ggml.merges", ARRAY, encode_array(STRING, ["a b"]))

    rng = random.Random(4)

    def add(name, type_id, *dims):
        m.tensors.append(Tensor(name, type_id, dims, noise(rng, type_id, dims)))

    add("token_embd.weight", TYPE_F16, E, V)
    add("output_hc_base.weight", TYPE_F32, C)
    add("output_hc_fn.weight", TYPE_F16, C * E, C)
    add("output_hc_scale.weight", TYPE_F32, 1)
    add("output_norm.weight", TYPE_F32, E)
    add("output.weight", TYPE_Q8_0, E, V)
    for layer, ratio in enumerate(RATIOS):
        def blk(name, type_id, *dims):
            add(f"blk.{layer}.{name}", type_id, *dims)
        for half in ("attn", "ffn"):
            blk(f"hc_{half}_fn.weight", TYPE_F16, C * E, MIX)
            blk(f"hc_{half}_scale.weight", TYPE_F32, 3)
            blk(f"hc_{half}_base.weight", TYPE_F32, MIX)
            blk(f"{half}_norm.weight", TYPE_F32, E)
        blk("attn_q_a.weight", TYPE_Q8_0, E, LQ)
        blk("attn_q_a_norm.weight", TYPE_F32, LQ)
        blk("attn_q_b.weight", TYPE_Q8_0, LQ, H * D)
        blk("attn_kv.weight", TYPE_Q8_0, E, D)
        blk("attn_kv_a_norm.weight", TYPE_F32, D)
        blk("attn_sinks.weight", TYPE_F32, H)
        blk("attn_output_a.weight", TYPE_Q8_0, D * H // G, G * LO)
        blk("attn_output_b.weight", TYPE_Q8_0, G * LO, E)
        if ratio:
            coff = 2 if ratio == 4 else 1
            blk("attn_compressor_ape.weight", TYPE_F16, coff * D, ratio)
            blk("attn_compressor_kv.weight", TYPE_F16, E, coff * D)
            blk("attn_compressor_gate.weight", TYPE_F16, E, coff * D)
            blk("attn_compressor_norm.weight", TYPE_F32, D)
        if ratio == 4:
            blk("indexer.attn_q_b.weight", TYPE_F16, LQ, IH * ID)
            blk("indexer.proj.weight", TYPE_F16, E, IH)
            blk("indexer_compressor_ape.weight", TYPE_F16, 2 * ID, ratio)
            blk("indexer_compressor_kv.weight", TYPE_F16, E, 2 * ID)
            blk("indexer_compressor_gate.weight", TYPE_F16, E, 2 * ID)
            blk("indexer_compressor_norm.weight", TYPE_F32, ID)
        blk("ffn_gate_inp.weight", TYPE_F16, E, N)
        if layer == 0:
            blk("ffn_gate_tid2eid.weight", TYPE_I32, K, V)
        else:
            blk("exp_probs_b.bias", TYPE_F32, N)
        for part, dims in (("gate", (E, F)), ("up", (E, F)), ("down", (F, E))):
            blk(f"ffn_{part}_exps.weight", TYPE_Q8_0, *dims, N)
            blk(f"ffn_{part}_shexp.weight", TYPE_Q8_0, *dims)
    return m


class Collection:
    def __init__(self, folder, model):
        self.folder, self.model, self.manifest = folder, model, []

    def write(self, name, stage, says, data):
        with open(os.path.join(self.folder, name + ".gguf"), "wb") as file:
            file.write(data)
        self.manifest.append({"file": name + ".gguf", "stage": stage, "says": says})

    def case(self, name, says, change, stage="load"):
        """`change` edits a copy of the model, or returns the bytes to write instead."""
        model = copy.deepcopy(self.model)
        data = change(model)
        self.write(name, stage, says, data if isinstance(data, bytes) else model.build())


def metadata_cases(add):
    def key(name, type_id, value):
        return lambda m: m.put(name, type_id, value)

    def missing(name):
        return lambda m: m.drop(name)

    ds = "deepseek4."
    add("key-missing-architecture", "metadata key 'general.architecture' is missing",
        missing("general.architecture"))
    add("key-other-architecture", "metadata key 'general.architecture' is 'llama'",
        key("general.architecture", STRING, "llama"))
    add("key-architecture-number", "metadata key 'general.architecture' has type u32, expected string",
        key("general.architecture", U32, 4))
    add("key-missing-window", "metadata key 'deepseek4.attention.sliding_window' is missing",
        missing(ds + "attention.sliding_window"))
    add("key-missing-tokens", "metadata key 'tokenizer.ggml.tokens' is missing",
        missing("tokenizer.ggml.tokens"))
    add("key-missing-merges", "metadata key 'tokenizer.ggml.merges' is missing",
        missing("tokenizer.ggml.merges"))
    add("key-missing-ratios", "metadata key 'deepseek4.attention.compress_ratios' is missing",
        missing(ds + "attention.compress_ratios"))
    add("key-i32-for-u32", "metadata key 'deepseek4.block_count' has type i32, expected u32",
        key(ds + "block_count", I32, 3))
    add("key-string-for-f32", "metadata key 'deepseek4.rope.freq_base' has type string, expected f32",
        key(ds + "rope.freq_base", STRING, "10000"))
    add("key-number-for-bool", "metadata key 'deepseek4.expert_weights_norm' has type u32, expected bool",
        key(ds + "expert_weights_norm", U32, 1))
    add("key-tokens-of-numbers", "'tokenizer.ggml.tokens' has type array of i32, expected array of string",
        key("tokenizer.ggml.tokens", ARRAY, encode_array(I32, [1] * V)))
    add("key-nan", "metadata key 'deepseek4.rope.freq_base' is nan, expected a finite number",
        key(ds + "rope.freq_base", F32, NAN))
    add("key-infinite-epsilon", "'deepseek4.attention.layer_norm_rms_epsilon' is inf",
        key(ds + "attention.layer_norm_rms_epsilon", F32, INF))
    add("key-huge-f64", "metadata key 'deepseek4.expert_weights_scale' is inf",
        key(ds + "expert_weights_scale", F64, 1e300))
    add("layers-zero", "metadata key 'deepseek4.block_count' is 0", key(ds + "block_count", U32, 0))
    add("layers-four-billion", "metadata key 'deepseek4.block_count' is 4294967295",
        key(ds + "block_count", U32, 2**32 - 1))
    add("layers-one-too-many", "'deepseek4.attention.compress_ratios' has 3 entries for 4 layers",
        key(ds + "block_count", U32, 4))
    add("window-zero", "metadata key 'deepseek4.attention.sliding_window' is 0",
        key(ds + "attention.sliding_window", U32, 0))
    add("two-kv-heads", "metadata key 'deepseek4.attention.head_count_kv' is 2",
        key(ds + "attention.head_count_kv", U32, 2))
    add("value-width-differs", "metadata key 'deepseek4.attention.value_length' is 64",
        key(ds + "attention.value_length", U32, 64))
    add("two-shared-experts", "metadata key 'deepseek4.expert_shared_count' is 2",
        key(ds + "expert_shared_count", U32, 2))
    add("expert-groups", "metadata key 'deepseek4.expert_group_count' is 8",
        key(ds + "expert_group_count", U32, 8))
    add("too-many-experts-used", "'deepseek4.expert_used_count' is 4, but there are only 3",
        key(ds + "expert_used_count", U32, N + 1))
    add("odd-rotary-width", "metadata key 'deepseek4.rope.dimension_count' is 31",
        key(ds + "rope.dimension_count", U32, 31))
    add("rotary-wider-than-indexer", "metadata key 'deepseek4.rope.dimension_count' is 96",
        key(ds + "rope.dimension_count", U32, 96))
    add("head-width-not-in-groups", "metadata key 'deepseek4.attention.key_length' is 96",
        key(ds + "rope.dimension_count", U32, 16))
    add("indexer-width-no-power", "metadata key 'deepseek4.attention.indexer.key_length' is 48",
        key(ds + "attention.indexer.key_length", U32, 48))
    add("heads-not-in-groups", "metadata key 'deepseek4.attention.output_group_count' is 3",
        key(ds + "attention.output_group_count", U32, 3))
    add("too-many-streams", "metadata key 'deepseek4.hyper_connection.count' is 17",
        key(ds + "hyper_connection.count", U32, 17))
    add("more-hash-layers-than-layers", "metadata key 'deepseek4.hash_layer_count' is 4",
        key(ds + "hash_layer_count", U32, 4))
    add("unnormalised-experts", "metadata key 'deepseek4.expert_weights_norm' is false",
        key(ds + "expert_weights_norm", BOOL, False))
    add("ratios-too-short", "'deepseek4.attention.compress_ratios' has 2 entries for 3 layers",
        key(ds + "attention.compress_ratios", ARRAY, encode_array(I32, RATIOS[:2])))
    add("ratio-negative", "'deepseek4.attention.compress_ratios' has -4 for layer 1",
        key(ds + "attention.compress_ratios", ARRAY, encode_array(I32, [0, -4, 8])))
    add("ratio-huge", "'deepseek4.attention.compress_ratios' has 4000000000 for layer 2",
        key(ds + "attention.compress_ratios", ARRAY, encode_array(U32, [0, 4, 4000000000])))
    add("ratios-of-floats", "'deepseek4.attention.compress_ratios' has type array of f32",
        key(ds + "attention.compress_ratios", ARRAY, encode_array(F32, [0.0, 4.0, 8.0])))
    add("clamps-too-short", "'deepseek4.swiglu_clamp_exp' has 1 entries for 3 layers",
        key(ds + "swiglu_clamp_exp", ARRAY, encode_array(F32, [10.0])))
    add("clamp-nan", "'deepseek4.swiglu_clamp_exp' is not a finite number for layer 1",
        key(ds + "swiglu_clamp_exp", ARRAY, encode_array(F32, [10.0, NAN, 10.0])))
    add("fewer-tokens-than-vocabulary", f"'tokenizer.ggml.tokens' has {V - 1} entries",
        key("tokenizer.ggml.tokens", ARRAY, encode_array(STRING, TOKENS[:-1])))
    add("token-twice", "token 263 of the vocabulary repeats token 7",
        key("tokenizer.ggml.tokens", ARRAY, encode_array(STRING, TOKENS[:-1] + [TOKENS[7]])))
    add("no-think-token", "the vocabulary lacks the control token '<think>'",
        key("tokenizer.ggml.tokens", ARRAY,
            encode_array(STRING, [t.replace("<think>", "<thonk>") for t in TOKENS])))
    add("byte-without-token", "the vocabulary has no token for byte 0x21",
        key("tokenizer.ggml.tokens", ARRAY,
            encode_array(STRING, ["!!" if t == "!" else t for t in TOKENS])))
    add("merge-of-strangers", "needs the token 'zz'",
        key("tokenizer.ggml.merges", ARRAY, encode_array(STRING, ["z z"])))
    add("merge-of-one", "merge 0 is not two tokens",
        key("tokenizer.ggml.merges", ARRAY, encode_array(STRING, ["ab"])))


def container_cases(add, model):
    whole = model.build()
    head = len(model.head())

    def cut(length):
        return lambda m: whole[:length]

    add("empty-header", "only 31 bytes", cut(31))
    add("zeros", "does not begin with 'GGUF'", lambda m: bytes(4096))
    add("cut-in-first-key", "announces", cut(48))
    add("cut-in-metadata", "more than the file's 700 bytes can hold", cut(700))
    add("cut-in-tokens", "announces 92 tensors, more than the file's", cut(head // 4))
    add("cut-in-directory", "the directory entry of tensor 'blk.1.", cut(head - 2000))
    add("cut-at-last-entry", "runs past the end of the file", cut(head - 3))
    add("cut-before-data", "is truncated, download it again", cut(head))
    add("cut-in-first-tensor", "tensor 'token_embd.weight' ends at byte", cut(head + 1000))
    add("cut-in-the-middle", "is truncated, download it again", cut(len(whole) // 2))
    add("cut-of-one-block", "tensor 'blk.2.ffn_down_shexp.weight' ends at byte",
        cut(len(whole) - 64))

    def field(name, value):
        return lambda m: setattr(m, name, value)

    add("magic-ggml", "does not begin with 'GGUF'", field("magic", b"GGML"))
    add("version-2", "GGUF version 2", field("version", 2))
    add("version-4", "GGUF version 4", field("version", 4))
    add("version-big-endian", "big endian", field("version", 0x03000000))
    add("huge-metadata-count", "announces 18446744073709551615 metadata keys",
        field("metadata_count", 2**64 - 1))
    add("huge-tensor-count", "announces 1152921504606846976 tensors", field("tensor_count", 2**60))
    add("one-key-too-many", "the name of tensor number 1 of 92", lambda m: setattr(m, "metadata_count", len(m.metadata) + 1))
    add("one-tensor-too-many", "runs past the end of the file", lambda m: (
        setattr(m, "tensor_count", len(m.tensors) + 1), m.head())[1] + b"\xff" * 64)
    add("unknown-value-type", "metadata key 'x' has the unknown type 13",
        lambda m: m.put("x", 13, b"12345678"))
    add("unknown-array-type", "metadata key 'x' is an array of the unknown type 50",
        lambda m: m.put("x", ARRAY, struct.pack("<IQ", 50, 1)))
    add("huge-key", "runs past the end of the file",
        lambda m: whole[:24] + struct.pack("<Q", 2**63) + whole[32:])
    add("huge-string", "value of metadata key 'x' runs past",
        lambda m: m.metadata.append(["x", STRING, struct.pack("<Q", 2**64 - 1)]))
    add("huge-token-count", "'tokenizer.ggml.tokens' announces 1099511627776 elements of type string",
        lambda m: m.put("tokenizer.ggml.tokens", ARRAY, encode_array(STRING, TOKENS, 2**40)))
    add("huge-float-array", "metadata key 'x' announces 4611686018427387904 elements of type f32",
        lambda m: m.put("x", ARRAY, encode_array(F32, [1.0], 2**62)))
    add("huge-nested-array", "metadata key 'x' announces 2305843009213693951 elements of type array",
        lambda m: m.put("x", ARRAY, encode_array(F32, []).replace(
            struct.pack("<IQ", F32, 0), struct.pack("<IQ", ARRAY, 2**61 - 1))))
    add("nested-nine-deep", "metadata key 'x' nests arrays deeper than 8",
        lambda m: m.put("x", ARRAY, struct.pack("<IQ", ARRAY, 1) * 8 + struct.pack("<IQ", U8, 0)))
    add("nested-a-thousand-deep", "metadata key 'x' nests arrays deeper than 8",
        lambda m: m.put("x", ARRAY, struct.pack("<IQ", ARRAY, 1) * 1000))
    add("alignment-odd", "metadata key 'general.alignment' is 24",
        lambda m: m.put("general.alignment", U32, 24))
    add("alignment-one", "metadata key 'general.alignment' is 1",
        lambda m: m.put("general.alignment", U32, 1))
    add("alignment-huge", "metadata key 'general.alignment' is 2147483648",
        lambda m: m.put("general.alignment", U32, 2**31))
    add("alignment-not-kept", "which is not a multiple of the file's alignment 4096",
        lambda m: m.put("general.alignment", U32, 4096))


def tensor_cases(add):
    def edit(name, **fields):
        def change(m):
            tensor = m.tensor(name)
            for field, value in fields.items():
                setattr(tensor, field, value)
        return change

    add("tensor-missing-embedding", "tensor 'token_embd.weight' is missing",
        lambda m: m.drop_tensor("token_embd.weight"))
    add("tensor-missing-norm", "tensor 'blk.2.ffn_norm.weight' is missing",
        lambda m: m.drop_tensor("blk.2.ffn_norm.weight"))
    add("tensor-missing-hash-table", "tensor 'blk.0.ffn_gate_tid2eid.weight' is missing",
        lambda m: m.drop_tensor("blk.0.ffn_gate_tid2eid.weight"))
    add("tensor-missing-indexer", "tensor 'blk.1.indexer.proj.weight' is missing",
        lambda m: m.drop_tensor("blk.1.indexer.proj.weight"))
    add("tensor-no-dims", "tensor 'output_norm.weight' has 0 dimensions",
        edit("output_norm.weight", dims=[]))
    add("tensor-nine-dims", "tensor 'output_norm.weight' has 9 dimensions",
        edit("output_norm.weight", dims=[1] * 9))
    add("tensor-zero-dim", "tensor 'output_norm.weight' has shape [0]",
        edit("output_norm.weight", dims=[0]))
    add("tensor-negative-dim", "tensor 'output_norm.weight' of shape [18446744073709551615]",
        edit("output_norm.weight", dims=[-1]))
    add("tensor-elements-overflow", "tensor 'output_norm.weight' of shape [4294967296, 4294967296]",
        edit("output_norm.weight", dims=[2**32, 2**32]))
    add("tensor-bytes-overflow", "has more bytes than can be counted",
        edit("output_norm.weight", dims=[2**62]))
    add("tensor-wrong-width", f"tensor 'blk.0.attn_norm.weight' has shape [{E - 8}], expected [{E}]",
        edit("blk.0.attn_norm.weight", dims=[E - 8]))
    add("tensor-transposed", "tensor 'blk.1.attn_q_b.weight' has shape [192, 32], expected [32, 192]",
        edit("blk.1.attn_q_b.weight", dims=[H * D, LQ]))
    add("tensor-expert-missing", f"tensor 'blk.1.ffn_up_exps.weight' has shape [{E}, {F}, {N - 1}]",
        edit("blk.1.ffn_up_exps.weight", dims=[E, F, N - 1]))
    add("tensor-short-vocabulary", f"tensor 'output.weight' has shape [{E}, {V - 1}]",
        edit("output.weight", dims=[E, V - 1]))
    add("tensor-f16-for-f32", "tensor 'output_norm.weight' has type F16, expected F32",
        edit("output_norm.weight", type_id=TYPE_F16))
    add("tensor-bf16-embedding", "tensor 'token_embd.weight' has type BF16, expected F16",
        edit("token_embd.weight", type_id=TYPE_BF16))
    add("tensor-unknown-type", "tensor 'blk.1.attn_kv.weight' has the ggml type 99",
        edit("blk.1.attn_kv.weight", type_id=99))
    add("tensor-gate-up-differ", "gate and up of a layer must have the same type", lambda m: (
        setattr(m.tensor("blk.1.ffn_gate_exps.weight"), "type_id", TYPE_F16),
        setattr(m.tensor("blk.1.ffn_gate_exps.weight"), "data", bytearray(2 * E * F * N))) and None)
    add("tensor-rows-not-in-blocks", "tensor 'blk.1.ffn_down_exps.weight' has rows of 32 values",
        lambda m: (setattr(m.tensor("blk.1.ffn_down_exps.weight"), "type_id", TYPE_Q4_K),
                   setattr(m.tensor("blk.1.ffn_down_exps.weight"), "data",
                           bytearray(144 * E * N))) and None)
    add("tensor-offset-past-end", "tensor 'output.weight' ends at byte 1099511",
        edit("output.weight", offset=2**40))
    add("tensor-offset-overflow", "tensor 'output.weight' ends beyond any file size",
        edit("output.weight", offset=2**64 - 32))
    add("tensor-offset-unaligned", "tensor 'output.weight' has the offset 33",
        edit("output.weight", offset=33))
    add("tensor-norm-nan", "tensor 'blk.1.attn_norm.weight' has a value that is not a finite number",
        edit("blk.1.attn_norm.weight", data=bytearray(struct.pack("<f", NAN) * E)))
    add("tensor-scale-infinite", "tensor 'output_hc_scale.weight' has a value that is not a finite",
        edit("output_hc_scale.weight", data=bytearray(struct.pack("<f", INF))))
    add("tensor-bias-nan", "tensor 'blk.2.exp_probs_b.bias' has a value that is not a finite number",
        edit("blk.2.exp_probs_b.bias", data=bytearray(struct.pack("<f", NAN) * N)))

    def route(value):
        def change(m):
            table = m.tensor("blk.0.ffn_gate_tid2eid.weight").data
            table[-4:] = struct.pack("<i", value)
        return change

    add("routing-out-of-range", f"tensor 'blk.0.ffn_gate_tid2eid.weight' routes token {V - 1} to "
        f"expert {N}", route(N))
    add("routing-negative", "to expert -1", route(-1))
    add("routing-wild", "to expert 2147483647", route(2**31 - 1))

    def block_scale(name, value):
        def change(m):
            data = m.tensor(name).data
            for at in range(0, len(data), 34):
                data[at:at + 2] = struct.pack("<e", value)
        return change

    add("block-scales-nan", "not a finite number", block_scale("blk.1.attn_q_a.weight", NAN),
        stage="logits")
    add("output-scales-infinite", "not a finite number", block_scale("output.weight", INF),
        stage="logits")
    add("embedding-nan", "not a finite number",
        edit("token_embd.weight", data=bytearray(struct.pack("<e", NAN) * (E * V))), stage="logits")


def legal_cases(add):
    def legal(name, change):
        add(name, "", change, stage="legal")

    def extra(m):
        m.put("zz.note", STRING, "nobody asked")
        m.put("zz.bytes", ARRAY, encode_array(U8, [1, 2, 3]))
        m.put("zz.nested", ARRAY, struct.pack("<IQ", ARRAY, 2) + encode_array(STRING, ["x"]) +
              encode_array(F64, []))
        m.put("zz.not-utf8", STRING, b"\xff\xfe")

    def extra_tensors(m):
        m.tensors.insert(0, Tensor("zz.unused", TYPE_F32, [3], bytes(12)))
        strange = Tensor("zz.unknown-type", 99, [7, 7], b"")
        m.tensors.append(strange)
        m.tensors.append(Tensor("zz.bf16", TYPE_BF16, [5], bytes(10)))
        m.tensors.append(Tensor("zz.none", TYPE_F32, [0], b""))

    def share(m):
        m.tensor("blk.2.attn_norm.weight").share = "blk.1.attn_norm.weight"
        m.tensor("blk.2.ffn_up_exps.weight").share = "blk.1.ffn_up_exps.weight"
        m.tensor("blk.1.ffn_up_exps.weight").share = None

    def overlap(m):
        # The second half of the embedding table also serves as a norm.
        m.tensor("token_embd.weight").data[:4 * E] = struct.pack("<f", 1.0) * E
        m.tensor("output_norm.weight").share = "token_embd.weight"

    def order(m):
        m.metadata.reverse()
        m.tensors.reverse()

    def align(to):
        def change(m):
            m.put("general.alignment", U32, to)
            m.alignment = to
        return change

    def duplicates(m):
        m.metadata.append(["deepseek4.block_count", I32, struct.pack("<i", -1)])
        again = Tensor("output_norm.weight", TYPE_F16, [3], bytes(6))
        again.offset = 0
        m.tensors.append(again)

    def numbers(m):
        m.put("deepseek4.rope.scaling.original_context_length", U32, 64)
        m.put("deepseek4.rope.freq_base", U32, 10000)
        m.put("deepseek4.expert_weights_scale", F64, 1.5)
        m.put("deepseek4.attention.compress_rope_freq_base", I32, 160000)

    legal("legal-plain", lambda m: None)
    legal("legal-extra-keys", extra)
    legal("legal-extra-tensors", extra_tensors)
    legal("legal-shared-offsets", share)
    legal("legal-overlap", overlap)
    legal("legal-any-order", order)
    legal("legal-alignment-64", align(64))
    legal("legal-alignment-8", align(8))
    legal("legal-alignment-4096", align(4096))
    legal("legal-alignment-as-u64", lambda m: m.put("general.alignment", U64, 64))
    legal("legal-alignment-zero", lambda m: m.put("general.alignment", U32, 0))
    legal("legal-one-ratio-more", lambda m: m.put(
        "deepseek4.attention.compress_ratios", ARRAY, encode_array(I32, RATIOS + [0])))
    legal("legal-ratios-u32", lambda m: m.put(
        "deepseek4.attention.compress_ratios", ARRAY, encode_array(U32, RATIOS)))
    legal("legal-clamps-f64", lambda m: m.put(
        "deepseek4.swiglu_clamp_exp", ARRAY, encode_array(F64, [10.0] * 4)))
    legal("legal-duplicates", duplicates)
    legal("legal-number-types", numbers)
    legal("legal-no-router-bias", lambda m: m.drop_tensor("blk.1.exp_probs_b.bias"))
    legal("legal-expert-groups-zero", lambda m: m.put("deepseek4.expert_group_count", U32, 0))
    legal("legal-bytes-behind", lambda m: m.build() + b"more" * 100)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    model = small_model()
    collection = Collection(folder, model)
    container_cases(collection.case, model)
    metadata_cases(collection.case)
    tensor_cases(collection.case)
    legal_cases(collection.case)
    names = [entry["file"] for entry in collection.manifest]
    assert len(set(names)) == len(names), "a name is used twice"
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(collection.manifest, file, indent=1, ensure_ascii=False)
    legal = sum(entry["stage"] == "legal" for entry in collection.manifest)
    print(f"{len(names) - legal} broken and {legal} legal files in {folder}")


main()
