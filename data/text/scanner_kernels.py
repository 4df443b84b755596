"""Numba kernels of the scanner: a text is an array of code points, a chunk a run without white space."""

import numpy as np
from numba import njit

_FIRST, _PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)  # FNV-1a


@njit(cache=True, nogil=True, inline="always")
def is_space(code):
    """True if a code point is white space, as for `str.isspace` and `re`."""
    if code < 0x85:
        return code == 32 or 9 <= code <= 13 or 28 <= code <= 31
    if code < 0x1680:
        return code in (0x85, 0xA0)
    return 0x2000 <= code <= 0x200A or code in (0x1680, 0x2028, 0x2029) or code in (0x202F, 0x205F, 0x3000)


@njit(cache=True, nogil=True)
def _is_invisible(codes, place, lows, highs):
    """True if a code point lies in the ranges, or is a skin tone before a zero-width joiner."""
    code = codes[place]
    if 0x1F3FB <= code <= 0x1F3FF:
        return place + 1 < len(codes) and codes[place + 1] == 0x200D
    for i in range(len(lows)):
        if code <= highs[i]:
            return code >= lows[i]
    return False


@njit(cache=True, nogil=True)
def first_special(codes, lows, highs):
    """Position of the first invisible character or zero-width space, the length of the text if none.

    Args:
        codes: (n,) uint32, the text.
        lows, highs: (m,) first and last code points of the ranges of invisible characters, ascending.
    """
    for place in range(len(codes)):
        code = codes[place]
        if code < 0xAD or 0x2070 <= code < 0xFE00:  # most texts hold nothing else
            continue
        if code == 0x200B or _is_invisible(codes, place, lows, highs):
            return place
    return len(codes)


@njit(cache=True, nogil=True)
def visible_places(codes, lows, highs):
    """Positions of all but invisible characters, then the length of the text; see `first_special`."""
    out, count = np.empty(len(codes) + 1, np.int64), 0
    for place in range(len(codes)):
        if not _is_invisible(codes, place, lows, highs):
            out[count] = place
            count += 1
    out[count] = len(codes)
    return out[: count + 1].copy()


@njit(cache=True, nogil=True)
def chunks(codes, begin):
    """Starts and ends of the chunks from `begin` on."""
    starts = np.empty((len(codes) - begin) // 2 + 1, np.int64)
    ends = np.empty(len(starts), np.int64)
    count, inside = 0, False
    for place in range(begin, len(codes)):
        if is_space(codes[place]):
            if inside:
                ends[count] = place
                count += 1
            inside = False
        elif not inside:
            starts[count] = place
            inside = True
    if inside:
        ends[count] = len(codes)
        count += 1
    return starts[:count], ends[:count]


@njit(cache=True, nogil=True)
def nonspace(codes, begin):
    """Positions of the code points from `begin` on that are not white space."""
    out = np.empty(len(codes) - begin, np.int64)
    count = 0
    for place in range(begin, len(codes)):
        if not is_space(codes[place]):
            out[count] = place
            count += 1
    return out[:count].copy()


@njit(cache=True, nogil=True)
def look_up(codes, starts, ends, flags, first, longest, slots, arena, places, lengths, marks, known, ids):
    """Look up or insert chunks from chunk `first` on; equal chunks with equal flags get the same id.

    Chunks longer than `longest` get -1. New ones are copied to the arena and numbered on from `known`. Stops
    when the table is full.

    Args:
        codes: (n,) uint32, the text.
        starts, ends, flags: (m,) of the chunks.
        first: chunk to begin with.
        longest: code points of the longest chunk that is stored.
        slots: (2^k,) int32, id of the chunk that hashes to the slot, -1 if none.
        arena: code points of the stored chunks, one after the other.
        places, lengths, marks: position of each in the arena, its length and its flag.
        known: number of stored chunks.
        ids: (m,) int32, filled in.

    Returns:
        the chunk after the last that was looked up, and the number of stored chunks.
    """
    mask = np.uint64(len(slots) - 1)
    used = places[known - 1] + lengths[known - 1] if known else 0
    for chunk in range(first, len(starts)):
        start, length = starts[chunk], ends[chunk] - starts[chunk]
        if length > longest:
            ids[chunk] = -1
            continue
        key = _FIRST ^ np.uint64(flags[chunk])
        for place in range(start, start + length):
            key = (key ^ np.uint64(codes[place])) * _PRIME
        slot = (key ^ (key >> np.uint64(32))) & mask
        while True:
            number = slots[slot]
            if number < 0:
                if known == len(places) or used + length > len(arena):
                    return chunk, known
                for i in range(length):  # an assignment of slices compiles the text of its error, for seconds
                    arena[used + i] = codes[start + i]
                places[known], lengths[known], marks[known] = used, length, flags[chunk]
                used += length
                slots[slot] = number = known
                known += 1
                break
            if lengths[number] == length and marks[number] == flags[chunk]:
                same, at = True, places[number]
                for i in range(length):
                    if arena[at + i] != codes[start + i]:
                        same = False
                        break
                if same:
                    break
            slot = (slot + np.uint64(1)) & mask
        ids[chunk] = number
    return len(starts), known


@njit(cache=True, nogil=True, inline="always")
def _is_letter(code):
    return 97 <= (code | 32) <= 122


@njit(cache=True, nogil=True, inline="always")
def _among(code, some):
    match = False
    for other in some:
        match = match or code == other
    return match


@njit(cache=True, nogil=True)
def plain(arena, places, lengths, openers, closers):
    """Find chunks that are a run of ASCII letters with at most one opener before and two closers after it.

    Args:
        arena: code points of all chunks.
        places, lengths: (m,) of each.
        openers, closers: code points; two equal closers are not plain.

    Returns:
        three (m,) uint8: letters, 0 for a chunk that is not plain; openers; and 1 if a dot follows the
        letters, which may make an abbreviation.
    """
    letters, before = np.zeros(len(places), np.uint8), np.zeros(len(places), np.uint8)
    dotted = np.zeros(len(places), np.uint8)
    for m in range(len(places)):
        at, end = places[m], places[m] + lengths[m]
        begin = at + 1 if not _is_letter(arena[at]) and _among(arena[at], openers) else at
        last = begin
        while last < end and _is_letter(arena[last]):
            last += 1
        good = last > begin and last - begin < 256 and end - last <= 2
        for k in range(last, end):
            good = good and _among(arena[k], closers)
        if good and end - last == 2:
            good = arena[last] != arena[last + 1]
        if good:
            letters[m], before[m] = last - begin, begin - at
            dotted[m] = last < end and arena[last] == 46
    return letters, before, dotted


@njit(cache=True, nogil=True)
def lay_out(letters, before, first, begins, ends):
    """Fill in the tokens of plain chunks: opener, letters and closers are one token each.

    Args:
        letters, before: (m,) of `plain`.
        first: (m + 1,) tokens of chunk i are first[i] to first[i + 1].
        begins, ends: filled in.
    """
    for m in range(len(letters)):
        at = 0
        if letters[m]:
            for token in range(first[m], first[m + 1]):
                long = letters[m] if at == before[m] else 1
                begins[token], ends[token] = at, at + long
                at += long


@njit(cache=True, nogil=True)
def expand(starts, ids, first, begins, ends):
    """Tokens of the text from the tokens of its chunks.

    Args:
        starts: (m,) of the chunks.
        ids: (m,) ids of the chunks.
        first: (k + 1,) tokens of chunk id i are first[i] to first[i + 1].
        begins, ends: of tokens, relative to the start of their chunk.

    Returns:
        starts and ends of the tokens.
    """
    count = 0
    for number in ids:
        count += first[number + 1] - first[number]
    token_starts, token_ends = np.empty(count, np.int64), np.empty(count, np.int64)
    out = 0
    for chunk in range(len(starts)):
        number, at = ids[chunk], starts[chunk]
        for token in range(first[number], first[number + 1]):
            token_starts[out] = at + begins[token]
            token_ends[out] = at + ends[token]
            out += 1
    return token_starts, token_ends


@njit(cache=True, nogil=True)
def bounds(token_starts, cuts, longest):
    """Ragged offsets of sentences over the tokens.

    Args:
        token_starts: (n,) ascending.
        cuts: ends of sentences in the text, ascending.
        longest: most tokens of a sentence.
    """
    out = np.empty(len(cuts) + 2 + len(token_starts) // longest, np.int64)
    out[0] = count = at = 0
    since = 0
    for token in range(len(token_starts)):
        new = False
        while at < len(cuts) and cuts[at] <= token_starts[token]:
            at += 1
            new = True
        if token > since and (new or token - since == longest):
            count += 1
            out[count] = since = token
    if len(token_starts):
        count += 1
        out[count] = len(token_starts)
    return out[: count + 1].copy()


UNKNOWN, WORD, LETTER, LOWER = 255, 1, 2, 4  # values of `classes`, bits but for UNKNOWN


@njit(cache=True, nogil=True)
def unknown(codes, classes):
    """Code points whose class is UNKNOWN, once each; their class is set to 0."""
    out, count = np.empty(len(codes), np.uint32), 0
    for code in codes:
        if classes[code] == UNKNOWN:
            classes[code] = 0
            out[count] = code
            count += 1
    return out[:count].copy()


@njit(cache=True, nogil=True)
def line_ends(codes, wrapped, begin):
    """Ends of lines from `begin` on; of hard-wrapped text, starts of blank lines."""
    out, count, place = np.empty(len(codes) - begin, np.int64), 0, begin
    while place < len(codes):
        end = codes[place]
        if end == 10 and not wrapped:
            out[count] = place
            count += 1
        elif end in (10, 13) and wrapped:
            after = place + 1
            while after < len(codes) and is_space(codes[after]) and codes[after] not in (10, 13):
                after += 1
            while end == 10 and after < len(codes) and is_space(codes[after]) and codes[after] != 10:
                after += 1
            if after < len(codes) and codes[after] == end:
                out[count] = place
                count += 1
                place = after
        place += 1
    return out[:count].copy()


@njit(cache=True, nogil=True)
def sentence_ends(codes, classes, closers, begin, lookahead):
    """Candidate ends of sentences from `begin` on, as in `Tokenizer.cuts`.

    Args:
        codes: (n,) uint32, the text.
        classes: WORD, LETTER and LOWER of each code point.
        closers: code points that belong to the end before them.
        begin: position to start at.
        lookahead: code points within which another word must begin.

    Returns:
        ends (k,); and (k, 2) start and end of the word before an end that is a single dot, which may belong
        to the word, else -1.
    """
    n = len(codes)
    ends, words = np.empty(n - begin, np.int64), np.full((n - begin, 2), -1, np.int64)
    count, place, following = 0, begin, begin
    while place < n:
        code = codes[place]
        wide = code in (0x3002, 0xFF01, 0xFF1F, 0xFF61)
        if not (wide or code in (46, 33, 63, 0x2026)):
            place += 1
            continue
        stop = place + 1
        if wide:
            while stop < n and codes[stop] in (0x3002, 0xFF01, 0xFF1F, 0xFF61):
                stop += 1
            while stop < n and _among(codes[stop], closers):
                stop += 1
            ends[count] = place = stop
            count += 1
            continue
        while stop < n and codes[stop] in (46, 33, 63, 0x2026):
            stop += 1
        if place and codes[place - 1] in (46, 33, 63, 0x2026):
            place = stop
            continue
        end = stop
        while end < n and _among(codes[end], closers):
            end += 1
        if not (end < n and is_space(codes[end])):
            end = 0
            if stop + 1 < n and codes[stop] == 32:
                quotes = 0
                while (
                    quotes < 2
                    and stop + 1 + quotes < n
                    and codes[stop + 1 + quotes] in (39, 0x2019, 0x201D, 34)
                ):
                    quotes += 1
                while quotes and not end:
                    after = stop + 1 + quotes
                    if after < n and is_space(codes[after]):
                        end = after
                    quotes -= 1
        if not end:
            place = stop
            continue
        if following < end:
            following = end
            while following < n and not classes[codes[following]] & WORD:
                following += 1
        if following < n and following < end + lookahead and not classes[codes[following]] & LOWER:
            ends[count] = end
            if code == 46 and end - place == 1:
                last = place - 1 if place and codes[place - 1] == 10 else place
                at = last
                for back in range(last - 1, max(0, place - 24) - 1, -1):
                    kind = classes[codes[back]]
                    if not (kind & WORD or codes[back] == 46):
                        break
                    if kind & LETTER:
                        at = back
                if at < last:
                    words[count, 0], words[count, 1] = at, last
            count += 1
        place = end
    return ends[:count].copy(), words[:count].copy()
