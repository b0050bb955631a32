"""Pure: the many spellings of a language, turned into the one code that queries carry."""

from __future__ import annotations

import re

UNKNOWN_LANGUAGE = "und"
"""ISO 639-2's code for text whose language nobody told."""

# ISO 639-1 and the ISO 639-3 code that stands for it.
_TWO_LETTERS = """
aa aar ab abk ae ave af afr ak aka am amh an arg ar arb as asm av ava ay aym az aze ba bak be bel bg bul bi bis bm bam
bn ben bo bod br bre bs bos ca cat ce che ch cha co cos cr cre cs ces cu chu cv chv cy cym da dan de deu dv div dz dzo
ee ewe el ell en eng eo epo es spa et est eu eus fa fas ff ful fi fin fj fij fo fao fr fra fy fry ga gle gd gla gl glg
gn grn gu guj gv glv ha hau he heb hi hin ho hmo hr hrv ht hat hu hun hy hye hz her ia ina id ind ie ile ig ibo ii iii
ik ipk io ido is isl it ita iu iku ja jpn jv jav ka kat kg kon ki kik kj kua kk kaz kl kal km khm kn kan ko kor kr kau
ks kas ku kur kv kom kw cor ky kir la lat lb ltz lg lug li lim ln lin lo lao lt lit lu lub lv lav mg mlg mh mah mi mri
mk mkd ml mal mn mon mr mar ms zsm mt mlt my mya na nau nb nob nd nde ne nep ng ndo nl nld nn nno no nob nr nbl nv nav
ny nya oc oci oj oji om orm or ori os oss pa pan pi pli pl pol ps pus pt por qu que rm roh rn run ro ron ru rus rw kin
sa san sc srd sd snd se sme sg sag sh hbs si sin sk slk sl slv sm smo sn sna so som sq als sr srp ss ssw st sot su sun
sv swe sw swa ta tam te tel tg tgk th tha ti tir tk tuk tl tgl tn tsn to ton tr tur ts tso tt tat tw twi ty tah ug uig
uk ukr ur urd uz uzb ve ven vi vie vo vol wa wln wo wol xh xho yi yid yo yor za zha zh cmn zu zul
"""

# Withdrawn two-letter codes, the bibliographic codes of ISO 639-2, and the macrolanguages whose usual member the Open
# Multilingual Wordnet writes instead.
_OTHERS = """
iw heb in ind ji yid jw jav mo ron
alb als arm hye baq eus bur mya chi cmn cze ces dut nld fre fra geo kat ger deu gre ell ice isl mac mkd mao mri may zsm
per fas rum ron slo slk tib bod wel cym
ara arb msa zsm nor nob sqi als zho cmn pes fas ekk est
"""


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_CODES = _pairs(_TWO_LETTERS) | _pairs(_OTHERS)
_CODE = re.compile(r"[a-z]{2,3}")


def language_code(text: str | None) -> str:
    """The ISO 639-3 code of a language tag or locale; `und` where it names none.

    Scripts, countries and encodings are dropped: a Chinese caption is `cmn` in either script. A three-letter code
    that is in no table is kept as it is.

    >>> [language_code(tag) for tag in ("en", "zh_CN", "ger", "pt-BR", "sr@latin", "ita", "es.utf8", "", None)]
    ['eng', 'cmn', 'deu', 'por', 'srp', 'ita', 'spa', 'und', 'und']
    """
    code = re.split(r"[-_@.]", (text or "").strip().lower(), maxsplit=1)[0]
    if code in _CODES:
        return _CODES[code]
    if len(code) == 3 and _CODE.fullmatch(code) and code not in ("mul", "mis", "zxx"):
        return code
    return UNKNOWN_LANGUAGE
