"""Names of countries as files write them, in lower-case letters, and ISO 3166 codes of the frequent ones."""

_NAMES = (
    "afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahamas bahrain "
    "bangladesh barbados belarus belgium belize benin bhutan bolivia botswana brazil brunei bulgaria burundi cambodia "
    "cameroon canada chad chile china colombia comoros congo croatia cuba cyprus czechia denmark djibouti dominica "
    "ecuador egypt eritrea estonia eswatini ethiopia fiji finland france gabon gambia georgia germany ghana greece "
    "grenada guatemala guinea guyana haiti honduras hungary iceland india indonesia iran iraq ireland israel italy "
    "jamaica japan jordan kazakhstan kenya kiribati kosovo kuwait kyrgyzstan laos latvia lebanon lesotho liberia libya "
    "liechtenstein lithuania luxembourg madagascar malawi malaysia maldives mali malta mauritania mauritius mexico "
    "micronesia moldova monaco mongolia montenegro morocco mozambique myanmar namibia nauru nepal netherlands "
    "nicaragua niger nigeria norway oman pakistan palau palestine panama paraguay peru philippines poland portugal "
    "qatar romania russia rwanda samoa senegal serbia seychelles singapore slovakia slovenia somalia spain sudan "
    "suriname sweden switzerland syria taiwan tajikistan tanzania thailand togo tonga tunisia turkey turkmenistan "
    "tuvalu uganda ukraine uruguay usa uzbekistan vanuatu venezuela vietnam yemen zambia zimbabwe uk us ae ar at au "
    "be br ca ch cl cn co cz de dk es fi fr gb gr hk hu ie il in it jp kr mx my nl no nz pl pt ro ru sa se sg th tr "
    "tw ua vn za aus aut bel bra can che chn cze deu dnk esp fin fra gbr grc hun ind irl ita jpn kor mex nld nor "
    "nzl pol prt rus swe tur ukr zaf laos scotland england wales hong yugoslavia"
)
_PAIRS = (
    "burkina faso",
    "cabo verde",
    "cape verde",
    "central african republic",
    "costa rica",
    "czech republic",
    "dominican republic",
    "el salvador",
    "equatorial guinea",
    "great britain",
    "holand netherlands",
    "hong kong",
    "ivory coast",
    "new zealand",
    "north korea",
    "north macedonia",
    "northern ireland",
    "outlying us guam usvi etc",
    "papua new guinea",
    "puerto rico",
    "republic of korea",
    "russian federation",
    "san marino",
    "saudi arabia",
    "sierra leone",
    "solomon islands",
    "south africa",
    "south korea",
    "sri lanka",
    "trinadad tobago",
    "trinidad and tobago",
    "united arab emirates",
    "united kingdom",
    "united states",
    "united states of america",
)
COUNTRIES = frozenset(_NAMES.split()) | frozenset(_PAIRS)
