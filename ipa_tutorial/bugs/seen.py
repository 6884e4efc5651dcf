"""Where the bugs were met: packages as of late 2026, without blame."""

INVITED = "planted on purpose: a slip that the formula invites"
PORTING = "porting weights from one code to another"

ABELLEGESE = "Abellegese/IPA, an unfinished tutorial notebook"
ALPHAFOLD = "AlphaFold 2's own code"
CODECS = "chenxingqiang/alphafold-codecs"
DECODED = "alphafold-decoded"
FLASH = "FlashIPA"
JULIA = "InvariantPointAttention.jl"
KERAS = "invariant-attention 0.1.0 (TensorFlow)"
LUCIDRAINS = "lucidrains/invariant-point-attention 0.2.2"
OPENFOLD = "OpenFold"
