"""Makes common.txt, the words that a guard takes for common: python3 common.py VOCAB.TXT DICTIONARY >common.txt

VOCAB.TXT is the vocabulary of all-MiniLM-L6-v2, which is that of BERT (Apache-2.0) and goes from frequent to rare;
DICTIONARY is the word list `american-english` of Debian's package wamerican, which comes from SCOWL. Taken are the
frequent words that the dictionary has in small letters only (the others are names as well), and a few younger ones.
"""

import sys

FREQUENT = 8000
YOUNGER = "email login logout offline online password passcode signup website username app wifi".split()

vocabulary, dictionary = (open(path, encoding="utf-8").read().split("\n") for path in sys.argv[1:3])
known = set(dictionary)
words = {
    word
    for word in vocabulary[:FREQUENT]
    if len(word) > 1 and word.isascii() and word.isalpha() and word in known and word.capitalize() not in known
}
print("\n".join(sorted(words.union(YOUNGER))))
