"""Makes ``python -m novel_audio_pipeline`` the same as ``novel-audio``."""

from novel_audio_pipeline.cli.main import main

if __name__ == "__main__":
    main()
