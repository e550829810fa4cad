"""Making one paragraph's WAV and the facts for its record out of the pieces it was spoken in."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

from novel_audio_pipeline.audio.wav import join_wavs, wav_facts
from novel_audio_pipeline.library.record import AudioFacts, Piece, VerifiedBy
from novel_audio_pipeline.narration.speaker import SpokenPiece
from novel_audio_pipeline.novels.script import ScriptParagraph

# From the strongest proof to the weakest; joined audio is as well proven as its weakest piece.
_PROOFS: tuple[Literal["digest", "folder", "size", "structure"], ...] = get_args(VerifiedBy)


def assemble(
    paragraph: ScriptParagraph, pieces: Sequence[SpokenPiece], created_at: datetime
) -> tuple[bytes, AudioFacts]:
    """Return the paragraph's WAV and what its record says of it.

    Raises:
        WrongAudioError: If pieces differ in sample rate or channels.
    """
    wav = join_wavs([piece.audio.data for piece in pieces])
    whole = wav_facts(wav) if len(pieces) > 1 else pieces[0].facts
    first = pieces[0]
    proofs = {piece.audio.verified_by for piece in pieces}
    return wav, AudioFacts(
        content_key=paragraph.content_key,
        sha256=hashlib.sha256(wav).hexdigest() if len(pieces) > 1 else first.audio.sha256,
        size_bytes=len(wav),
        duration_s=whole.duration_s,
        sample_rate_hz=whole.sample_rate_hz,
        verified_by=next(proof for proof in reversed(_PROOFS) if proof in proofs),
        created_at=created_at,
        model=first.request.model,
        voice=first.request.voice,
        language=first.request.language,
        speed=first.request.speed,
        take=first.request.take,
        engine=first.cached.engine or None,
        engine_voice=first.cached.voice or None,
        pieces=tuple(
            Piece(content_key=piece.request.content_key, file_id=piece.cached.file_id)
            for piece in pieces
        ),
    )
