# Registers this Windows machine as a managed node of AWS Systems Manager. The script reads the ID and the code of a hybrid
# activation from a secret, downloads ssm-setup-cli, and lets it install SSM Agent and register the machine.
#
# Run the script as an administrator in PowerShell 5.1 or later, with AWS credentials that allow reading the secret. It
# requires the AWS CLI.
#
# The script doesn't write the code to a file, a log or an environment variable. While ssm-setup-cli runs, other
# administrators of this machine can see the code among its arguments, as can the event log if it records command lines.
# There is no other way to pass it.
#
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-windows.html

[CmdletBinding()]
param()

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# Turn off tracing, which would show the code, and the progress bar, which slows downloads.
Set-PSDebug -Off
$ProgressPreference = 'SilentlyContinue'
# This script checks the exit codes of commands itself.
Set-Variable -Name PSNativeCommandUseErrorActionPreference -Value $false

$region = '@REGION@'
$secretArn = '@SECRET_ARN@'
$urlSuffix = '@URL_SUFFIX@'
$folder = $null

try {
    $identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
    if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'must be run as an administrator'
    }
    if ($null -eq (Get-Command -Name 'aws' -CommandType Application -ErrorAction SilentlyContinue)) {
        throw 'requires the command aws, which is not in PATH'
    }
    if ($env:PROCESSOR_ARCHITECTURE -ne 'AMD64') {
        throw "requires an x86-64 machine and a 64-bit PowerShell, got $($env:PROCESSOR_ARCHITECTURE)"
    }
    $registration = Join-Path -Path $env:ProgramData -ChildPath 'Amazon\SSM\InstanceData\registration'
    if (Test-Path -LiteralPath $registration) {
        throw "this machine is already registered, because $registration exists: to register it again, deregister it first"
    }

    $answer = & aws secretsmanager get-secret-value --region $region --secret-id $secretArn --query SecretString --output text
    if ($LASTEXITCODE -ne 0) {
        throw "could not read the secret $secretArn"
    }
    # The error for text that is not JSON can show a part of the text.
    try {
        $activation = $answer | Out-String | ConvertFrom-Json
        $names = @($activation.PSObject.Properties | ForEach-Object -MemberName Name)
    }
    catch {
        $names = @()
    }
    foreach ($name in 'ActivationId', 'ActivationCode', 'ExpirationDate') {
        if ($names -notcontains $name) {
            throw "the secret $secretArn has no activation: its first rotation has not finished or has failed"
        }
    }
    # PowerShell 7 returns a DateTime, and PowerShell 5.1 a string.
    $expiration = ([DateTime]$activation.ExpirationDate).ToUniversalTime()
    if ($expiration -le [DateTime]::UtcNow) {
        $when = $expiration.ToString('u')
        throw "the activation $($activation.ActivationId) expired at $when, and no rotation has replaced it"
    }
    # PowerShell 5.1 changes other characters when it passes them to a command. No activation code with one of them is known.
    if ($activation.ActivationCode -notmatch '\A[!#-\[\]-~]+\z') {
        throw "the code of the activation $($activation.ActivationId) has a character that can't be passed to a command"
    }

    $folder = Join-Path -Path ([IO.Path]::GetTempPath()) -ChildPath ([Guid]::NewGuid().ToString())
    $null = New-Item -ItemType Directory -Path $folder
    $setup = Join-Path -Path $folder -ChildPath 'ssm-setup-cli.exe'
    $url = "https://amazon-ssm-$region.s3.$region.$urlSuffix/latest/windows_amd64/ssm-setup-cli.exe"
    [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
    try {
        Invoke-WebRequest -UseBasicParsing -Uri $url -OutFile $setup
    }
    catch {
        throw "could not download ${url}: $($_.Exception.Message)"
    }
    # AWS's own script verifies the same: the signature is valid, and it is from Amazon.
    $signature = Get-AuthenticodeSignature -LiteralPath $setup
    if ($signature.Status -ne 'Valid' -or $signature.SignerCertificate.Subject -notlike '*Amazon.com Services LLC*') {
        throw "$url has no valid signature of Amazon.com Services LLC"
    }

    & $setup -register "-activation-code=$($activation.ActivationCode)" "-activation-id=$($activation.ActivationId)" "-region=$region"
    if ($LASTEXITCODE -ne 0) {
        throw "ssm-setup-cli could not register this machine with the activation $($activation.ActivationId)"
    }
    if (-not (Test-Path -LiteralPath $registration)) {
        throw "ssm-setup-cli succeeded, but $registration doesn't exist"
    }
    Write-Output -InputObject "register_windows: registered with the activation $($activation.ActivationId) in $region"
}
catch {
    [Console]::Error.WriteLine("register_windows: $($_.Exception.Message)")
    exit 1
}
finally {
    if ($null -ne $folder -and (Test-Path -LiteralPath $folder)) {
        Remove-Item -LiteralPath $folder -Recurse -Force
    }
}
